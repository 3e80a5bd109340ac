//! The gRPC admin API of floodway: messages, client and server, generated from the files in
//! `floodway/admin/v1`, of which `admin.proto` has the calls.
//!
//! An admin tool needs nothing else:
//!
//! ```no_run
//! use floodway_proto::admin::v1::{GetStatusRequest, admin_client::AdminClient};
//!
//! # async fn show() -> Result<(), Box<dyn std::error::Error>> {
//! let mut gateway = AdminClient::connect("http://127.0.0.1:9090").await?;
//! let answer = gateway.get_status(GetStatusRequest::default()).await?.into_inner();
//! println!("{:#?}", answer.status);
//! # Ok(())
//! # }
//! ```

/// The admin API.
pub mod admin {
    /// Version 1: package `floodway.admin.v1`.
    #[allow(
        missing_docs,
        clippy::allow_attributes_without_reason,
        reason = "generated; messages, fields and calls carry the comments of the .proto file"
    )]
    pub mod v1 {
        tonic::include_proto!("floodway.admin.v1");

        /// The files of this package and those that they import, comments included: an encoded
        /// `google.protobuf.FileDescriptorSet`, as server reflection takes it.
        pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/admin_v1.bin"));

        /// The paths of the calls that are marked NO_SIDE_EFFECTS, such as `/floodway.admin.v1.Admin/GetStatus`.
        ///
        /// # Panics
        /// Never: the files were compiled with this crate.
        pub fn calls_without_side_effects() -> Vec<String> {
            use prost::Message;
            use prost_types::FileDescriptorSet;
            use prost_types::method_options::IdempotencyLevel;

            let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("our own files");
            let services = files.file.iter().flat_map(|file| {
                let services = file.service.iter();
                services.map(move |service| (file.package(), service))
            });
            let calls = services.flat_map(|(package, service)| {
                let reading = service.method.iter().filter(|call| {
                    let level = call.options.as_ref().map(|options| options.idempotency_level());
                    level == Some(IdempotencyLevel::NoSideEffects)
                });
                reading.map(move |call| format!("/{package}.{}/{}", service.name(), call.name()))
            });
            calls.collect()
        }
    }
}
