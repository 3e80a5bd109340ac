//! One event: from the payload to its JSON text, and from there to the bytes of a view.

use std::hint::black_box;
use std::sync::Arc;

use floodway_core::event::{Config, Event, MetricSet, Parser};
use floodway_protocol::names::TenantId;
use floodway_protocol::{Encoding, EventId};
use gungraun::{library_benchmark, library_benchmark_group};

use crate::{PAYLOAD, at_most};

struct Source {
    parser: Parser,
    tenant: TenantId,
}

impl Source {
    /// A parser that has its buffers already.
    fn new() -> Box<Self> {
        let mut source = Box::new(Self {
            parser: Parser::new(&Config::default()),
            tenant: TenantId::parse("TENANT1").expect("a valid name"),
        });
        source.event();
        source
    }

    fn event(&mut self) -> Event {
        let id = EventId::new(1_846_290_011_021_312);
        let topic = "tenant/TENANT1/device/DEV-001/telemetry";
        self.parser
            .parse(id, &self.tenant, "DEV-001", topic, black_box(PAYLOAD))
            .expect("a valid payload")
    }
}

#[library_benchmark(setup = Source::new)]
#[bench::typical(config = at_most(5150))] // 4,993
fn parse(mut source: Box<Source>) -> (Box<Source>, Event) {
    let event = source.event();
    (source, event)
}

type View = (Option<Arc<MetricSet>>, Encoding);

fn whole(encoding: Encoding) -> (Box<Event>, View) {
    (Box::new(Source::new().event()), (None, encoding))
}

fn two_of_three(encoding: Encoding) -> (Box<Event>, View) {
    let names = ["temperature", "humidity"].map(str::to_owned);
    let metrics = Some(Arc::new(MetricSet::new(names)));
    (Box::new(Source::new().event()), (metrics, encoding))
}

fn two_of_three_again(encoding: Encoding) -> (Box<Event>, View) {
    let (event, view) = two_of_three(encoding);
    event.frame(view.0.as_ref(), view.1);
    (event, view)
}

// The first look at an event in a view: all that encoding costs.
#[library_benchmark]
#[bench::web_socket(args = (Encoding::Ws), setup = whole, config = at_most(56))] // 51
#[bench::sse(args = (Encoding::SseChunked), setup = whole, config = at_most(1910))] // 1,730
#[bench::narrowed(args = (Encoding::Ws), setup = two_of_three, config = at_most(1960))] // 1,774
#[bench::narrowed_again(args = (Encoding::Ws), setup = two_of_three_again, config = at_most(105))] // 96
fn encode((event, view): (Box<Event>, View)) -> (Box<Event>, View) {
    let (metrics, encoding) = black_box(&view);
    black_box(event.frame(metrics.as_ref(), *encoding));
    (event, view)
}

library_benchmark_group!(name = events, benchmarks = [parse, encode]);
