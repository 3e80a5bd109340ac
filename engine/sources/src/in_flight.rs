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
    pub(crate) fn sent(&mut self, number: u16) {
        if let Some((_, its)) = self.0.back_mut() {
            its.get_or_insert(number);
        }
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
mod tests;
