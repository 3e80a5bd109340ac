//! The configuration, as its users see it.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use super::setting::MASK;
use super::*;

mod errors;
mod layers;
mod secrets;

const SECRET: &str = "a secret of thirty-two bytes, or more";

/// Loads a file with this text, these environment variables and flags; a secret is set beside them.
fn load_all(toml: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, String> {
    let mut all = vec![("FLOODWAY_JWT_SECRET", SECRET)];
    all.extend(env);
    load_exactly(toml, &all, flags)
}

fn load_exactly(toml: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, String> {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(toml.as_bytes()).expect("written");
    let env: HashMap<_, _> = env.iter().copied().collect();
    let flags: Vec<_> = flags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let look_up = |name: &str| env.get(name).map(|value| (*value).to_owned());
    load(Some(file.path()), &look_up, &flags, Key::Needed)
        .map_err(|errors| errors.to_string().replace(&*file.path().to_string_lossy(), "FILE"))
}

fn error(toml: &str, env: &[(&str, &str)]) -> String {
    load_all(toml, env, &[]).expect_err("refused")
}
