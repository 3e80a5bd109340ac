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
    fs::write(
        out.join("admin_v1.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    tonic_prost_build::configure()
        // Sorted, so that people find what they look for.
        .btree_map(".")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
