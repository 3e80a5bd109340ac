//! Tests of `admin::metrics::tenants`.

use super::*;

#[test]
fn no_two_tenants_are_shown_alike_and_none_as_the_others() {
    let names = ["_other", "__other", "___other", "other", "_Other", "_others", "_", "x_other"];
    let shown: Vec<Cow<'_, str>> = names.into_iter().map(shown).collect();
    let expected = ["__other", "___other", "____other", "other", "_Other", "_others", "_", "x_other"];
    assert_eq!(shown, expected);
    assert!(!shown.contains(&Cow::Borrowed(OTHERS)));
}
