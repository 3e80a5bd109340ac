//! The live page, with which people look at streams in a browser. It is served where `http.live_page` is set, holds no data, and
//! opens streams with a token as any other client does.

use std::sync::LazyLock;

use crate::files::{File, Files, files};

/// All of its files but the client.
pub(crate) static FILES: &[File] = &files! {
    "index.html"
    "base.css"
    "charts.css"
    "layout.css"
    "icon.svg"
    "board.js"
    "chart.js"
    "clock.js"
    "colours.js"
    "dom.js"
    "draw.js"
    "feed.js"
    "journal.js"
    "legend.js"
    "loop.js"
    "main.js"
    "message.js"
    "numbers.js"
    "others.js"
    "picker.js"
    "pickers.js"
    "rate.js"
    "reader.js"
    "reading.js"
    "scale.js"
    "series.js"
    "session.js"
    "status.js"
    "store.js"
    "summary.js"
    "theme.js"
    "words.js"
};

/// The client that the page is written on, for other pages of this origin as well.
static CLIENT: File = File {
    path: "/floodway.js",
    bytes: include_bytes!("../../../../../clients/js/floodway.js"),
};

pub(super) static PAGE: LazyLock<Files> = LazyLock::new(|| Files::new(FILES.iter().chain([&CLIENT])));
