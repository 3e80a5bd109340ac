//! Tests of `cli::show::table`.

use super::*;

#[test]
fn columns_line_up_whatever_the_script() {
    let rows = [["köln", "7", "subscribed"], ["東京", "12345678", "-"]];
    assert_eq!(
        table("TENANT >STREAMS STATE", rows.map(|row| row.map(str::to_owned))),
        "TENANT   STREAMS  STATE\n\
             köln           7  subscribed\n\
             東京    12345678  -\n"
    );
}

#[test]
fn an_empty_table_has_its_titles() {
    assert_eq!(table::<2>("A >B", []), "A  B\n");
}

#[test]
fn values_stand_below_each_other() {
    let lines = [("id", "1".to_owned()), ("tenant", "T".to_owned())];
    assert_eq!(fields(&lines), "id     1\ntenant T\n");
}
