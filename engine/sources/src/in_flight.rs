//! The requests that a peer has not answered yet.
//!
//! Invariant: an answer belongs to the newest request of its number. A number may come again after very many requests; the
//! older one's answer will not come any more then.

use std::collections::VecDeque;

/// Requests that wait for their answers, oldest first. Each has a number once it is on its way.
#[derive(Debug)]
pub(crate) struct InFlight<R>(VecDeque<(R, Option<u16>)>);

impl<R> Default for InFlight<R> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<R> InFlight<R> {
    /// A request is handed over to be sent.
    pub(crate) fn begin(&mut self, request: R) {
        self.0.push_back((request, None));
    }

    /// The request that was handed over last is on its way with this number.
    pub(crate) fn sent(&mut self, number: u16) -> Option<&R> {
        let (request, its) = self.0.back_mut()?;
        its.get_or_insert(number);
        Some(request)
    }

    /// The request that was handed over last is not sent. Returns it.
    pub(crate) fn unsent(&mut self) -> Option<R> {
        let (_, number) = self.0.back()?;
        if number.is_some() {
            return None;
        }
        self.0.pop_back().map(|(request, _)| request)
    }

    /// The request with this number is answered. Returns it.
    pub(crate) fn answered(&mut self, number: u16) -> Option<R> {
        let at = self.0.iter().rposition(|(_, its)| *its == Some(number))?;
        self.0.remove(at).map(|(request, _)| request)
    }

    /// Forgets the requests that are not to be `kept`.
    pub(crate) fn retain(&mut self, mut kept: impl FnMut(&R) -> bool) {
        self.0.retain(|(request, _)| kept(request));
    }

    /// Forgets all requests. Returns those that were on their way.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = R> {
        let sent = self.0.drain(..);
        sent.filter_map(|(request, number)| number.map(|_| request))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.0.iter().map(|(request, _)| request)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.0.iter_mut().map(|(request, _)| request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(in_flight: &InFlight<char>) -> String {
        in_flight.iter().collect()
    }

    #[test]
    fn an_answer_finds_the_newest_request_of_its_number() {
        let mut in_flight = InFlight::default();
        for (request, number) in [('a', 1), ('b', 2), ('c', 1)] {
            in_flight.begin(request);
            assert_eq!(in_flight.sent(number), Some(&request));
        }
        assert_eq!(in_flight.answered(3), None);
        assert_eq!(in_flight.answered(1), Some('c'));
        assert_eq!(in_flight.answered(1), Some('a'));
        assert_eq!(left(&in_flight), "b");
    }

    #[test]
    fn only_a_request_without_a_number_is_unsent() {
        let mut in_flight = InFlight::default();
        in_flight.begin('a');
        in_flight.sent(1);
        assert_eq!(in_flight.unsent(), None);
        in_flight.begin('b');
        assert_eq!(in_flight.unsent(), Some('b'));
        in_flight.begin('c');
        assert_eq!(in_flight.clear().collect::<String>(), "a");
        assert_eq!(left(&in_flight), "");
    }
}
