//! A live WebSocket stream: what its client says, and how it is told good-bye.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::auth::Verifier;
use floodway_core::event::Encoding;
use floodway_core::shard::{Filter, Session, SessionContext, TooMany};
use floodway_protocol::actions::{self, Action, Names};
use floodway_protocol::ws::close;
use floodway_protocol::ws::reader::{Message, Reader};
use floodway_protocol::{End, framing as wire};
use floodway_protocol::{answers, notices};

/// Opcodes of RFC 6455, 11.8.
const CLOSE: u8 = 8;
const PONG: u8 = 10;

/// What every WebSocket stream of a shard is bound to.
pub struct Rules {
    /// The largest message of a client, in bytes.
    pub message_bytes: usize,
    /// Checks the tokens that streams are refreshed with.
    pub verifier: Arc<Verifier>,
}

/// One client's side of its stream. 16 bytes while nothing is half read.
pub struct WsSession {
    reader: Reader,
    rules: Rc<Rules>,
}

impl WsSession {
    /// A session that has just begun.
    pub fn new(rules: Rc<Rules>) -> Self {
        Self {
            reader: Reader::default(),
            rules,
        }
    }
}

impl Session for WsSession {
    fn receive(&mut self, bytes: &mut [u8], line: &mut SessionContext<'_>) {
        let Self { reader, rules } = self;
        let mut has_message = false;
        let read = reader.read(bytes, rules.message_bytes, &mut |message| {
            has_message = true;
            line.count_messages(1);
            match message {
                Message::Text(text) => act(text, rules, line),
                Message::Ping(payload) => line.send(&frame(PONG, payload)),
                Message::Pong => {}
                Message::Close(code) => line.end(End::Closed(code.map(u16::from))),
            }
            if line.is_ending() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if !has_message {
            // Fragments that never become a message are read no faster than messages.
            line.count_messages(1);
        }
        if let Err(violation) = read {
            let (code, reason) = violation.close();
            line.end(End::Violation { code, reason });
        }
    }

    fn farewell(&self, _: Encoding, end: &End, out: &mut Vec<u8>) {
        if let End::Draining { after_ms } = end {
            let text = notices::reconnect(Duration::from_millis(*after_ms));
            wire::ws_frame(wire::OPCODE_TEXT, text.as_bytes(), out);
        }
        out.extend_from_slice(&closing(end));
    }
}

/// A close frame with this code and reason.
pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSE, &close::payload(code, reason))
}

fn closing(end: &End) -> Vec<u8> {
    match (end, end.close()) {
        // RFC 6455, 5.5.1: a close frame with no code is answered with none.
        (End::Closed(None), _) | (_, None) => frame(CLOSE, &[]),
        (_, Some((code, reason))) => close_frame(code, &reason),
    }
}

fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 10);
    wire::ws_frame(opcode, payload, &mut out);
    out
}

fn act(text: &str, rules: &Rules, line: &mut SessionContext<'_>) {
    let filter_ids = line.limits().filter_ids;
    let asked = actions::parse(text, filter_ids);
    match asked {
        Ok(Action::Subscribe(names)) => subscribe(&names, filter_ids, line),
        Ok(Action::Unsubscribe(names)) => unsubscribe(&names, line),
        Ok(Action::SetMetrics(metrics)) => set_metrics(metrics, filter_ids, line),
        Ok(Action::ClearFilters) => {
            line.set_filter(Filter::default());
            say(line, answers::FILTERS_CLEARED);
        }
        Ok(Action::GetFilters) => {
            let text = answers::filters(&line.filter().shown());
            say(line, &text);
        }
        Ok(Action::Refresh { token }) => refresh(&token, rules, line),
        Ok(Action::Ping) => say(line, answers::PONG),
        Err(mistake) => say(line, &answers::error(&mistake)),
    }
}

fn say(line: &mut SessionContext<'_>, text: &str) {
    line.send(&frame(wire::OPCODE_TEXT, text.as_bytes()));
}

fn subscribe(names: &[Names], filter_ids: usize, line: &mut SessionContext<'_>) {
    let mut filter = line.filter().clone();
    match names
        .iter()
        .try_for_each(|names| add(&mut filter, names, filter_ids))
    {
        Ok(()) => {
            line.set_filter(filter);
            names
                .iter()
                .for_each(|names| say(line, &answers::subscribed(names)));
        }
        Err(too_many) => say(line, &answers::error(&too_many)),
    }
}

fn add(filter: &mut Filter, names: &Names, max: usize) -> Result<(), TooMany> {
    match names {
        Names::Device(device) => filter.add_devices(std::slice::from_ref(device), max),
        Names::Devices(devices) => filter.add_devices(devices, max),
        Names::Group(group) => filter.add_groups(std::slice::from_ref(group), max),
        Names::Groups(groups) => filter.add_groups(groups, max),
    }
}

fn unsubscribe(names: &[Names], line: &mut SessionContext<'_>) {
    let mut filter = line.filter().clone();
    for names in names {
        match names {
            Names::Device(device) => filter.remove_devices(std::slice::from_ref(device)),
            Names::Devices(devices) => filter.remove_devices(devices),
            Names::Group(group) => filter.remove_groups(std::slice::from_ref(group)),
            Names::Groups(groups) => filter.remove_groups(groups),
        }
    }
    line.set_filter(filter);
    names
        .iter()
        .for_each(|names| say(line, &answers::unsubscribed(names)));
}

fn set_metrics(metrics: Vec<String>, filter_ids: usize, line: &mut SessionContext<'_>) {
    let mut filter = line.filter().clone();
    match filter.set_metrics(metrics, filter_ids) {
        Ok(()) => {
            let text = answers::metrics_updated(filter.metric_names());
            line.set_filter(filter);
            say(line, &text);
        }
        Err(too_many) => say(line, &answers::error(&too_many)),
    }
}

/// To check a signature is as much work as so many messages.
const SIGNATURE_MESSAGES: usize = 16;

/// A shard does not wait for keys, so the client is to come again.
const KEY_AWAITED: &str = "Key of the token is not known yet, send it again in some seconds";

fn refresh(token: &str, rules: &Rules, line: &mut SessionContext<'_>) {
    line.count_messages(SIGNATURE_MESSAGES);
    let verified = rules
        .verifier
        .verify_now(token, Some(line.tenant().as_str()));
    match verified {
        Ok(identity) => {
            line.set_expiry(identity.expires_at);
            let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(identity.expires_at);
            say(line, &answers::refreshed(expires_at));
        }
        Err(refusal) => {
            let (tenant, diagnosis) = (line.tenant(), refusal.diagnosis());
            tracing::debug!(%tenant, diagnosis, "refresh refused");
            match refusal.close_code() {
                // The stream has its old token still.
                _ if refusal.may_pass() => say(line, &answers::error(&KEY_AWAITED)),
                close::FORBIDDEN => line.end(End::Forbidden(refusal.to_string())),
                _ => line.end(End::BadToken(refusal.to_string())),
            }
        }
    }
}
