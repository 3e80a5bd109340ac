//! What `top` knows, drawn.

use floodway_proto::admin::v1::{Fleet, Rates};
use ratatui::Frame;
use ratatui::layout::Constraint::{self, Fill, Length, Max};
use ratatui::layout::{Alignment, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Row, Table, TableState};

use super::dashboard::{Dashboard, List, Sort, TenantRates};
use crate::cli::connections::{carrier, slow, wants};
use crate::cli::show::{age, bytes, count, duration, or_dash, per_second, plain, plural};

const KEYS: &str = "t tenant  e events  d drops: sort   tab list  ↑↓ select  x disconnect   q quit";

/// The same for narrow terminals.
const FEW_KEYS: &str = "t e d: sort  tab  ↑↓  x: end  q quit";

/// Columns of a terminal from which on there is room for everything. A narrower one is shown less, and needs 40.
const WIDE: u16 = 80;

/// Above the rates.
const RATES: [&str; 7] = ["IN", "DELIVERED", "SENT", "DROPPED", "OPENED", "CLOSED", "REFUSED"];

/// Gateways of a fleet that are shown by name.
const GATEWAYS: usize = 4;

pub(super) fn draw(frame: &mut Frame<'_>, dashboard: &Dashboard) {
    let is_narrow = frame.area().width < WIDE;
    let fleet = fleet(dashboard, is_narrow);
    let mut lines = totals(dashboard, is_narrow);
    lines.extend(fleet);
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let [head, tenants, streams, foot] =
        Layout::vertical([Length(rows), Fill(2), Fill(1), Length(1)]).areas(frame.area());
    frame.render_widget(Text::from(lines), head);
    draw_tenants(frame, dashboard, tenants);
    draw_streams(frame, dashboard, streams);
    frame.render_widget(footer(dashboard, is_narrow), foot);
    draw_question(frame, dashboard);
}

fn totals(dashboard: &Dashboard, is_narrow: bool) -> Vec<Line<'static>> {
    let status = dashboard.status();
    let node = status.node.unwrap_or_default();
    let connections = status.connections.unwrap_or_default();
    let limits = status.limits.unwrap_or_default();
    let state = match &dashboard.answer {
        _ if dashboard.lost.is_some() => "gone; this is how it was".to_owned(),
        None => "waiting for its answer".to_owned(),
        Some(_) if status.draining => "draining".to_owned(),
        Some(_) => match status.unready.first() {
            Some(unready) => plain(&unready.detail),
            None => "serving".to_owned(),
        },
    };
    // What may be too long for the terminal comes last.
    let head = format!(
        "{state}, up {}, floodway {}, {} at {}",
        age(duration(node.uptime)),
        or_dash(&node.version),
        or_dash(&node.name),
        dashboard.url
    );
    let count = format!("streams  {} of {}", connections.total, limits.connections);
    let kinds = format!("{} WebSocket, {} SSE", connections.websocket, connections.sse);
    let tenants = plural(connections.tenants, "tenant");
    let mut lines = vec![Line::styled(head, Modifier::BOLD)];
    if is_narrow {
        lines.push(Line::raw(format!("{count}, {tenants}")));
        lines.push(Line::raw(format!("         {kinds}")));
    } else {
        lines.push(Line::raw(format!("{count} ({kinds}), {tenants}")));
    }
    let windows = [rates(&status.last_second.unwrap_or_default()), rates(&status.last_minute.unwrap_or_default())];
    lines.extend(if is_narrow { down(&windows) } else { across(&windows) });
    lines.push(Line::raw(""));
    lines
}

fn rates(rates: &Rates) -> [String; 7] {
    [
        per_second(rates.received),
        per_second(rates.delivered),
        format!("{}/s", bytes(rates.sent_bytes)),
        per_second(rates.dropped),
        per_second(rates.opened),
        per_second(rates.closed),
        per_second(rates.refused),
    ]
}

/// The rates of the last second and the last minute, a line each.
fn across([second, minute]: &[[String; 7]; 2]) -> Vec<Line<'static>> {
    let line = |window: &str, rates: &[String; 7]| Line::raw(in_columns(window, rates.iter().map(String::as_str)));
    let titles = Line::styled(in_columns("", RATES.into_iter()), Modifier::DIM);
    vec![titles, line("1 s", second), line("60 s", minute)]
}

/// The same, a line for each rate.
fn down([second, minute]: &[[String; 7]; 2]) -> Vec<Line<'static>> {
    let line = |title: &str, second: &str, minute: &str| format!("{title:<10}{second:>13}{minute:>13}");
    let titles = Line::styled(line("", "1 s", "60 s"), Modifier::DIM);
    let rates = RATES.iter().zip(second.iter().zip(minute));
    let rates = rates.map(|(title, (second, minute))| Line::raw(line(title, second, minute)));
    std::iter::once(titles).chain(rates).collect()
}

/// One line of less than 80 characters, whatever the rates are.
fn in_columns<'a>(window: &str, columns: impl Iterator<Item = &'a str>) -> String {
    let columns = columns.zip([9, 11, 13, 10, 9, 9, 9]);
    let columns = columns.map(|(column, wide)| format!("{column:>wide$}"));
    format!("{window:<6}") + &columns.collect::<String>()
}

/// The other gateways on the broker, if there are any.
fn fleet(dashboard: &Dashboard, is_narrow: bool) -> Vec<Line<'static>> {
    let fleet = dashboard.answer.as_ref().and_then(|answer| answer.fleet.as_ref());
    let Some(fleet) = fleet.filter(|fleet| fleet.gateways.len() > 1) else {
        return Vec::new();
    };
    let mut lines = vec![Line::raw(fleet_total(fleet, is_narrow))];
    for gateway in fleet.gateways.iter().take(GATEWAYS) {
        let node = gateway.node.clone().unwrap_or_default();
        let load = gateway.load.unwrap_or_default();
        let mark = if gateway.answering { "*" } else { " " };
        let draining = if gateway.draining { ", draining" } else { "" };
        let name = if is_narrow {
            plain(&node.name)
        } else {
            format!("{} ({})", plain(&node.name), plain(&node.id))
        };
        let streams = load.websocket + load.sse;
        let delivered = per_second(load.deliveries_per_second as f64);
        let text = if is_narrow {
            format!("  {mark} {streams} streams, {delivered}{draining}: {name}")
        } else {
            format!("  {mark} {name}: {streams} streams, {delivered} delivered{draining}")
        };
        lines.push(Line::raw(text));
    }
    if fleet.gateways.len() > GATEWAYS {
        lines.push(Line::raw("    …"));
    }
    lines.push(Line::raw(""));
    lines
}

fn fleet_total(fleet: &Fleet, is_narrow: bool) -> String {
    let total = fleet.total.unwrap_or_default();
    let head = format!("fleet    {} gateways, {} streams", fleet.gateways.len(), total.websocket + total.sse);
    if is_narrow {
        return head;
    }
    format!(
        "{head}, {} in, {} delivered, {} dropped",
        per_second(total.events_per_second as f64),
        per_second(total.deliveries_per_second as f64),
        total.dropped
    )
}

/// Columns of the lists: title, width, and width in a narrow terminal, if it stands there. A title that begins with `>` is
/// of numbers.
type Columns<const N: usize> = [(&'static str, Constraint, Option<Constraint>); N];

const TENANTS: Columns<7> = [
    ("TENANT", Fill(1), Some(Fill(1))),
    (">STREAMS", Length(8), None),
    (">EVENTS", Length(9), None),
    (">DELIVERED", Length(11), Some(Length(11))),
    (">DROPPED", Length(9), None),
    (">IN ALL", Length(10), None),
    (">DROPPED", Length(8), Some(Length(8))),
];

const STREAMS: Columns<8> = [
    ("STREAM", Length(18), Some(Length(8))),
    ("TENANT", Fill(1), Some(Fill(1))),
    ("SUBJECT", Fill(1), None),
    ("VIA", Length(4), None),
    ("WANTS", Fill(1), None),
    (">QUEUE", Length(13), Some(Length(9))),
    (">SLOW", Length(7), None),
    (">DROPPED", Length(8), Some(Length(8))),
];

fn draw_tenants(frame: &mut Frame<'_>, dashboard: &Dashboard, area: Rect) {
    let rows = dashboard.rows.iter().map(|row| {
        let tenant = &row.tenant;
        let rate = |rate: fn(TenantRates) -> f64| row.rates.map(rate).map_or_else(|| "-".to_owned(), per_second);
        [
            plain(&tenant.tenant_id),
            tenant.connections.to_string(),
            rate(|rates| rates.events),
            rate(|rates| rates.delivered),
            rate(|rates| rates.dropped),
            count(tenant.delivered as f64),
            count(tenant.dropped as f64),
        ]
    });
    let by = match dashboard.sort {
        Sort::Tenant => "by tenant",
        Sort::Events => "by events delivered",
        Sort::Drops => "by events dropped",
    };
    let title = format!(" busiest tenants, {by} ");
    draw_list(frame, dashboard, List::Tenants, table(TENANTS, rows, area.width < WIDE), title, area);
}

fn draw_streams(frame: &mut Frame<'_>, dashboard: &Dashboard, area: Rect) {
    let rows = dashboard.streams().iter().map(|stream| {
        [
            plain(&stream.connection_id),
            plain(&stream.tenant_id),
            or_dash(&stream.subject),
            carrier(stream.transport()).to_owned(),
            wants(stream.filters.as_ref()),
            format!("{}/{}", stream.queue_depth, stream.queue_capacity),
            slow(stream),
            count(stream.dropped as f64),
        ]
    });
    let title = " slowest streams ".to_owned();
    draw_list(frame, dashboard, List::Streams, table(STREAMS, rows, area.width < WIDE), title, area);
}

fn table<const N: usize>(
    columns: Columns<N>,
    rows: impl Iterator<Item = [String; N]>,
    is_narrow: bool,
) -> Table<'static> {
    let width = |(_, wide, narrow): (_, _, Option<Constraint>)| if is_narrow { narrow } else { Some(wide) };
    let row = |cells: [String; N]| {
        let cells = cells.into_iter().zip(columns).filter(|(_, column)| width(*column).is_some());
        let right = |title: &str| if title.starts_with('>') { Alignment::Right } else { Alignment::Left };
        Row::new(cells.map(|(cell, (title, ..))| Text::from(cell).alignment(right(title))))
    };
    let titles = columns.map(|(title, ..)| title.trim_start_matches('>').to_owned());
    let widths: Vec<Constraint> = columns.into_iter().filter_map(width).collect();
    let head = row(titles).style(Modifier::DIM);
    Table::new(rows.map(row), widths).header(head)
}

fn draw_list(frame: &mut Frame<'_>, dashboard: &Dashboard, list: List, table: Table<'_>, title: String, area: Rect) {
    // Not by colours alone: a terminal may have none.
    let has_keys = dashboard.list == list;
    let style = if has_keys { Modifier::BOLD | Modifier::REVERSED } else { Modifier::empty() };
    let title = Line::styled(title, style);
    let table = table
        .block(Block::new().borders(Borders::TOP).title(title))
        .row_highlight_style(Modifier::REVERSED);
    let selected = dashboard.selected(list).filter(|_| has_keys);
    let mut state = TableState::new().with_selected(selected);
    frame.render_stateful_widget(table, area, &mut state);
}

fn footer(dashboard: &Dashboard, is_narrow: bool) -> Line<'static> {
    match dashboard.lost.as_ref().or(dashboard.came.as_ref()) {
        Some(text) => Line::styled(text.clone(), Modifier::BOLD),
        None => Line::styled(if is_narrow { FEW_KEYS } else { KEYS }, Modifier::DIM),
    }
}

fn draw_question(frame: &mut Frame<'_>, dashboard: &Dashboard) {
    let Some(target) = &dashboard.asked else {
        return;
    };
    let question = format!("Disconnect {}?", target.words());
    let answers = "y: yes   any other key: no";
    let width = u16::try_from(Line::raw(question.as_str()).width()).unwrap_or(u16::MAX);
    let width = width.max(30).saturating_add(4);
    let area = frame.area().centered(Max(width), Max(4));
    frame.render_widget(Clear, area);
    let text = Text::from(vec![Line::raw(question), Line::raw(answers)]).centered();
    frame.render_widget(Paragraph::new(text).block(Block::bordered()), area);
}
