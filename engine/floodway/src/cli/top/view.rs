//! What `top` knows, drawn.

use floodway_proto::admin::v1::{Connection, Fleet, Rates};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Borders, Cell, Clear, Paragraph, Row, Table, TableState};

use super::model::{List, Model, Sort};
use crate::cli::connections::{carrier, slow, wants};
use crate::cli::show::{age, bytes, count, duration, or_dash, per_second, plain, plural};

const KEYS: &str = "t tenant  e events  d drops: sort   tab list  ↑↓ select  x disconnect   q quit";

/// Above the rates.
const RATES: [&str; 7] = [
    "IN",
    "DELIVERED",
    "SENT",
    "DROPPED",
    "OPENED",
    "CLOSED",
    "REFUSED",
];

/// Lines above the lists, without gateways.
const TOTALS: u16 = 6;

/// Gateways of a fleet that are shown by name.
const GATEWAYS: usize = 4;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let fleet = fleet(model);
    let rows = TOTALS + u16::try_from(fleet.len()).unwrap_or(u16::MAX);
    let [head, tenants, streams, foot] = Layout::vertical([
        Constraint::Length(rows),
        Constraint::Fill(2),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let mut lines = totals(model);
    lines.extend(fleet);
    frame.render_widget(Text::from(lines), head);
    draw_tenants(frame, model, tenants);
    draw_streams(frame, model, streams);
    frame.render_widget(footer(model), foot);
    draw_question(frame, model);
}

fn totals(model: &Model) -> Vec<Line<'static>> {
    let status = model.status();
    let node = status.node.unwrap_or_default();
    let connections = status.connections.unwrap_or_default();
    let limits = status.limits.unwrap_or_default();
    let state = match &model.answer {
        _ if model.lost.is_some() => "gone; this is how it was".to_owned(),
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
        model.url
    );
    let streams = format!(
        "streams  {} of {} ({} WebSocket, {} SSE), {}",
        connections.total,
        limits.connections,
        connections.websocket,
        connections.sse,
        plural(connections.tenants, "tenant")
    );
    vec![
        Line::styled(head, Style::new().add_modifier(Modifier::BOLD)),
        Line::raw(streams),
        Line::styled(
            in_columns("", RATES.map(str::to_owned)),
            Style::new().add_modifier(Modifier::DIM),
        ),
        Line::raw(rates("1 s", &status.last_second.unwrap_or_default())),
        Line::raw(rates("60 s", &status.last_minute.unwrap_or_default())),
        Line::raw(""),
    ]
}

fn rates(window: &str, rates: &Rates) -> String {
    let columns = [
        per_second(rates.received),
        per_second(rates.delivered),
        format!("{}/s", bytes(rates.sent_bytes)),
        per_second(rates.dropped),
        per_second(rates.opened),
        per_second(rates.closed),
        per_second(rates.refused),
    ];
    in_columns(window, columns)
}

/// One line of less than 80 characters, whatever the rates are.
fn in_columns(window: &str, columns: [String; 7]) -> String {
    let [received, delivered, sent, dropped, opened, closed, refused] = columns;
    format!(
        "{window:<6}{received:>9}{delivered:>11}{sent:>13}{dropped:>10}{opened:>9}{closed:>9}{refused:>9}"
    )
}

/// The other gateways on the broker, if there are any.
fn fleet(model: &Model) -> Vec<Line<'static>> {
    let answer = model.answer.as_ref();
    let Some(fleet) = answer.and_then(|answer| answer.fleet.as_ref()) else {
        return Vec::new();
    };
    if fleet.gateways.len() < 2 {
        return Vec::new();
    }
    let mut lines = vec![Line::raw(fleet_total(fleet))];
    for gateway in fleet.gateways.iter().take(GATEWAYS) {
        let node = gateway.node.clone().unwrap_or_default();
        let load = gateway.load.unwrap_or_default();
        let mark = if gateway.answering { "*" } else { " " };
        let draining = if gateway.draining { ", draining" } else { "" };
        lines.push(Line::raw(format!(
            "  {mark} {} ({}): {} streams, {} delivered{draining}",
            plain(&node.name),
            plain(&node.id),
            load.websocket + load.sse,
            per_second(load.deliveries_per_second as f64)
        )));
    }
    if fleet.gateways.len() > GATEWAYS {
        lines.push(Line::raw("    …"));
    }
    lines.push(Line::raw(""));
    lines
}

fn fleet_total(fleet: &Fleet) -> String {
    let total = fleet.total.unwrap_or_default();
    format!(
        "fleet    {} gateways, {} streams, {} in, {} delivered, {} dropped",
        fleet.gateways.len(),
        total.websocket + total.sse,
        per_second(total.events_per_second as f64),
        per_second(total.deliveries_per_second as f64),
        total.dropped
    )
}

fn draw_tenants(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), per_second);
    let rows = model.rows.iter().map(|row| {
        let tenant = &row.tenant;
        Row::new([
            text(plain(&tenant.tenant_id)),
            number(tenant.connections.to_string()),
            number(rate(row.rates.map(|rates| rates.events))),
            number(rate(row.rates.map(|rates| rates.delivered))),
            number(rate(row.rates.map(|rates| rates.dropped))),
            number(count(tenant.delivered as f64)),
            number(count(tenant.dropped as f64)),
        ])
    });
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(11),
        Constraint::Length(9),
        Constraint::Length(10),
        Constraint::Length(8),
    ];
    let titles = [
        "TENANT",
        "STREAMS",
        "EVENTS",
        "DELIVERED",
        "DROPPED",
        "IN ALL",
        "DROPPED",
    ];
    let by = match model.sort {
        Sort::Tenant => "by tenant",
        Sort::Events => "by events delivered",
        Sort::Drops => "by events dropped",
    };
    let table = Table::new(rows, widths).header(header(&titles, 1));
    let title = format!(" busiest tenants, {by} ");
    draw_list(frame, model, List::Tenants, table, title, area);
}

fn draw_streams(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let rows = model.streams().iter().map(stream);
    let widths = [
        Constraint::Length(18),
        Constraint::Fill(1),
        Constraint::Fill(1),
        Constraint::Length(4),
        Constraint::Fill(1),
        Constraint::Length(13),
        Constraint::Length(7),
        Constraint::Length(8),
    ];
    let titles = [
        "STREAM", "TENANT", "SUBJECT", "VIA", "WANTS", "QUEUE", "SLOW", "DROPPED",
    ];
    let table = Table::new(rows, widths).header(header(&titles, 5));
    let title = " slowest streams ".to_owned();
    draw_list(frame, model, List::Streams, table, title, area);
}

fn stream(stream: &Connection) -> Row<'static> {
    Row::new([
        text(plain(&stream.connection_id)),
        text(plain(&stream.tenant_id)),
        text(or_dash(&stream.subject)),
        text(carrier(stream.transport()).to_owned()),
        text(wants(stream.filters.as_ref())),
        number(format!("{}/{}", stream.queue_depth, stream.queue_capacity)),
        number(slow(stream)),
        number(count(stream.dropped as f64)),
    ])
}

/// Titles, those from `numbers` on above numbers.
fn header(titles: &[&'static str], numbers: usize) -> Row<'static> {
    let cells = titles.iter().enumerate().map(|(at, title)| {
        if at < numbers {
            text((*title).to_owned())
        } else {
            number((*title).to_owned())
        }
    });
    Row::new(cells).style(Style::new().add_modifier(Modifier::DIM))
}

fn text(text: String) -> Cell<'static> {
    Cell::from(text)
}

fn number(text: String) -> Cell<'static> {
    Cell::from(Text::from(text).right_aligned())
}

fn draw_list(
    frame: &mut Frame<'_>,
    model: &Model,
    list: List,
    table: Table<'_>,
    title: String,
    area: Rect,
) {
    // Not by colours alone: a terminal may have none.
    let has_keys = model.list == list;
    let title = if has_keys {
        Line::styled(
            title,
            Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED),
        )
    } else {
        Line::raw(title)
    };
    let table = table
        .block(Block::new().borders(Borders::TOP).title(title))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let selected = model.selected(list).filter(|_| has_keys);
    let mut state = TableState::new().with_selected(selected);
    frame.render_stateful_widget(table, area, &mut state);
}

fn footer(model: &Model) -> Line<'static> {
    match model.lost.as_ref().or(model.told.as_ref()) {
        Some(told) => Line::styled(told.clone(), Style::new().add_modifier(Modifier::BOLD)),
        None => Line::styled(KEYS, Style::new().add_modifier(Modifier::DIM)),
    }
}

fn draw_question(frame: &mut Frame<'_>, model: &Model) {
    let Some(target) = &model.asked else {
        return;
    };
    let question = format!("Disconnect {}?", target.words());
    let answers = "y: yes   any other key: no";
    let width = u16::try_from(Line::raw(question.as_str()).width()).unwrap_or(u16::MAX);
    let width = width.max(30).saturating_add(4);
    let area = frame
        .area()
        .centered(Constraint::Max(width), Constraint::Max(4));
    frame.render_widget(Clear, area);
    let text = Text::from(vec![Line::raw(question), Line::raw(answers)]).centered();
    frame.render_widget(Paragraph::new(text).block(Block::bordered()), area);
}
