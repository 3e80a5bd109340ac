//! Names of the database's things, quoted as SQL wants them (PostgreSQL 15, 4.1.1).
//!
//! Invariant: whatever a name holds, it is one identifier inside a statement. Names count as they are written, capital letters
//! too: nothing is folded.

/// NAMEDATALEN less one: longer names are cut by the server, `pg_notify` refuses them.
const NAME_BYTES_MAX: usize = 63;

/// A name in double quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn check(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0') {
        return Err(format!("expected a name of 1 to {NAME_BYTES_MAX} bytes, as it is written in the database"));
    }
    Ok(())
}

/// The channel as an identifier.
///
/// # Errors
/// Says what would be right.
pub(super) fn channel(name: &str) -> Result<String, String> {
    check(name).map(|()| quoted(name))
}

/// `table` or `schema.table` as identifiers. A part with a dot in it stands in double quotes.
///
/// # Errors
/// Says what would be right.
pub(super) fn table(text: &str) -> Result<String, String> {
    let parts = parts(text).ok_or("expected table or schema.table; a name with a dot in it stands in double quotes")?;
    parts.iter().try_for_each(|part| check(part))?;
    let parts: Vec<String> = parts.iter().map(|part| quoted(part)).collect();
    Ok(parts.join("."))
}

/// One part or two.
fn parts(text: &str) -> Option<Vec<String>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let (part, behind) = match rest.strip_prefix('"') {
            Some(inside) => unquoted(inside)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        parts.push(part);
        match behind.strip_prefix('.') {
            Some(next) => rest = next,
            None => return (behind.is_empty() && parts.len() <= 2).then_some(parts),
        }
    }
}

/// A part in double quotes, of which the first is cut off, and what stands behind it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let (piece, behind) = rest.split_once('"')?;
        part.push_str(piece);
        match behind.strip_prefix('"') {
            Some(next) => {
                part.push('"');
                rest = next;
            }
            None => return Some((part, behind)),
        }
    }
}

#[cfg(test)]
mod tests;
