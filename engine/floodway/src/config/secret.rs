//! Values that stand in a file of their own, as orchestrators hand over secrets: the `_file` form of a setting.
//!
//! Invariant: of such a file nothing but its name is ever shown.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The longest value, in bytes. A file that is longer, or has no end, is no secret.
const BYTES_MAX: u64 = 64 * 1024;

/// Reads the value in a file. One line end behind it is cut, since editors and `echo` leave one. The error
/// says what is wrong with the file.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!("holds more than {BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "does not hold UTF-8".to_owned())?;
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        return Err("holds nothing".to_owned());
    }
    Ok(value.to_owned())
}
