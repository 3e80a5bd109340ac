//! A broker's retained messages as a store of limits and groups.

use super::*;
use crate::control::stores::test_kit::{self, Fragile, Place};
use crate::control::{self, Follower, Keeper};

/// A broker that writes what it keeps when it ends in order.
struct Lasting {
    broker: Mosquitto,
    _folder: TempDir,
}

async fn lasting() -> Lasting {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("persistence true\npersistence_location {}/", folder.path().display());
    let broker = Mosquitto::start(&format!("allow_anonymous true\n{place}")).await;
    Lasting { broker, _folder: folder }
}

impl Place for Lasting {
    fn keep(
        &self,
        _: &control::Config,
        index: Arc<Index>,
        follower: Follower,
    ) -> (Vec<Box<dyn Source>>, Option<Keeper>) {
        let source = Mqtt::new(quick(vec![self.broker.url()]), index, Some(follower)).unwrap();
        (vec![Box::new(source)], None)
    }
}

impl Fragile for Lasting {
    async fn goes(&mut self) {
        let process = &mut self.broker.process;
        let asked = Command::new("kill").arg(process.id().to_string()).status().unwrap();
        assert!(asked.success());
        process.wait().unwrap();
    }

    async fn comes_back(&mut self) {
        self.broker.restart().await;
    }
}

test_kit::suite!(lasting().await; shared, fragile);
