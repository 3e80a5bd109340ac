//! The listeners' side of TLS; the client's side and the files are those of [`floodway_sources::tls`].
//!
//! Only this module and that one know rustls; the others know their streams.

mod server;
#[cfg(test)]
mod tests;

pub use floodway_sources::tls::{
    ClientStream, Connector, Error, Fault, Files, Pair, Pem, Roots, ServerName, connector, provider,
};
pub use rustls::ServerConnection;
pub use server::acceptor;
pub use tokio_rustls::TlsAcceptor;
pub use tokio_rustls::server::TlsStream as ServerStream;
