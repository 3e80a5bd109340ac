//! Files that are not what they should be; handshakes are tested from end to end.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use super::*;

fn refused(cert: &Path, key: &Path) -> String {
    let pair = Pair {
        cert: Pem { setting: "admin.tls.cert", path: cert },
        key: Pem { setting: "admin.tls.key", path: key },
    };
    let error = acceptor(pair, None).err().expect("refused");
    error.to_string()
}

#[test]
fn a_file_that_is_none_is_named_with_its_setting() {
    let missing = Path::new("no/such.pem");
    let text = refused(missing, missing);
    assert!(text.starts_with("admin.tls.cert = \"no/such.pem\": No such file"), "{text}");
    let mut empty = NamedTempFile::new().expect("a file");
    empty.write_all(b"nothing in here\n").expect("written");
    let text = refused(empty.path(), missing);
    assert!(text.ends_with("holds no certificate"), "{text}");
}
