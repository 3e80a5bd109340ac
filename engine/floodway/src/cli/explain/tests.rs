//! Tests of `cli::explain`.

use super::*;
use floodway_proto::admin::v1::ExplainStep;

fn step(stage: DeliveryStage, passed: bool, detail: &str) -> ExplainStep {
    let mut step = ExplainStep { passed, detail: detail.to_owned(), ..ExplainStep::default() };
    step.set_stage(stage);
    step
}

#[test]
fn the_verdict_comes_first_and_then_why() {
    let mut answer = ExplainResponse {
        steps: vec![
            step(DeliveryStage::Tenant, true, "it is the stream's"),
            step(DeliveryStage::Device, false, "the stream wants others"),
        ],
        ..ExplainResponse::default()
    };
    answer.set_stopped_by(DeliveryStage::Device);
    assert_eq!(
        steps(&answer),
        "it would not be delivered: device\n\
             \u{20} passes  tenant    it is the stream's\n\
             \u{20} stops   device    the stream wants others\n"
    );
}
