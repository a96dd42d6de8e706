//! The list as plain text, for pipes and files.

use cenote_admin::document::Document;
use console::{Alignment, pad_str};

use super::rows::{columns, rows};
use super::words;

/// As wide as the terminals of old.
const WIDTH: u16 = 80;

pub(crate) fn table(document: &Document) -> String {
    let mut text = format!("{} UTC\n", words::clock(document.at));
    let rows = rows(document);
    if rows.is_empty() {
        return text + "There is no pool and no cluster in the registry.\n";
    }
    let columns: Vec<_> = columns(WIDTH).collect();
    let fixed = columns.iter().map(|column| column.width + 1).sum::<u16>() - 1;
    let line = |cells: &mut dyn Iterator<Item = String>| {
        let padded = columns.iter().zip(cells).map(|(column, cell)| {
            let width = if column.width == 0 { WIDTH - fixed } else { column.width };
            let side = if column.right { Alignment::Right } else { Alignment::Left };
            pad_str(&cell, width.into(), side, Some("…")).into_owned()
        });
        let padded: Vec<String> = padded.collect();
        format!("{}\n", padded.join(" ").trim_end())
    };
    text += &line(&mut columns.iter().map(|column| column.title.to_owned()));
    for what in rows {
        text += &line(&mut columns.iter().map(|column| (column.cell)(what)));
    }
    text
}
