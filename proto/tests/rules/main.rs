//! What the `.proto` files keep to, so that tools can rely on them.
//!
//! Each rule looks at the compiled API and lists what offends against it. Beside the test that the API has nothing of
//! the kind stands one that breaks the API on purpose, so that the rule is known to notice.

mod api;
mod calls;
mod comments;
mod compatible;
mod files;
mod names;
mod numbers;
mod released;
