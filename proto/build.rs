//! Generates the crate from its `.proto` files, without a system `protoc`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

const FILES: &str = "floodway";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FILES}");
    let mut compiler = protox::Compiler::new(["."])?;
    compiler
        // The comments: reflection shows them, and the lint reads them.
        .include_source_info(true)
        .include_imports(true)
        .open_files(["floodway/admin/v1/admin.proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("admin_v1.bin"), compiler.encode_file_descriptor_set())?;
    let mut config = tonic_prost_build::Config::new();
    // What looks a message up by its name, such as a writer of JSON, asks the message itself.
    config.enable_type_names();
    tonic_prost_build::configure()
        // Sorted, so that people find what they look for.
        .btree_map(".")
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
