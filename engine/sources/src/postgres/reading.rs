//! The connection that reads the table.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, RowStream, Statement};

use super::Config;
use super::error::{self, Asked};
use crate::feed::{FeedError, FeedMessage, FeedReader, Page, Whose};
use floodway_protocol::names::{NAME_BYTES_MAX, TenantId};

/// Bytes of payloads after which a page ends before it is full. It may be exceeded by one row.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Reads the table.
pub(super) struct Reading {
    client: Client,
    /// The table as identifiers.
    table: Arc<str>,
    page_rows: i64,
    live: Statement,
    of_tenant: Statement,
    newest: Statement,
}

/// Some rows, and whether there were no more.
pub(super) struct Rows {
    pub(super) messages: Vec<FeedMessage>,
    pub(super) are_all: bool,
}

/// Where the numbers of a table stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Newest {
    /// The highest id of a row; 0 without rows.
    pub(super) row: u64,
    /// The highest id that was drawn from the column's sequence; 0 if that can't be told.
    drawn: u64,
}

impl Newest {
    /// Whether a row of this id can never have been in this table: its numbers are others, or began anew.
    pub(super) fn never_was_at(self, id: u64) -> bool {
        self.row.max(self.drawn) < id
    }
}

impl Reading {
    /// Prepares to read `table`, given as identifiers.
    pub(super) async fn new(client: Client, table: &str, config: &Config) -> Result<Self, FeedError> {
        // Not much more than the router takes: it drops what is larger, and counts it. A character has a byte at least.
        let (name, text) = (NAME_BYTES_MAX + 1, config.payload_bytes.saturating_add(1).min(i32::MAX as usize));
        let select = format!(
            "select t.id::bigint, left(t.tenant_id::text, {name}), left(t.device_id::text, {name}), \
             left(to_json(t.ts)::text, {text}), left(to_json(t.metrics)::text, {text}) from {table} as t"
        );
        let live = format!("{select} where t.id > $1::bigint order by t.id limit $2::bigint");
        let of_tenant = format!(
            "{select} where t.tenant_id = $1::text and t.id > $2::bigint and t.id <= $3::bigint \
             order by t.id limit $4::bigint"
        );
        // The sequence outlives rows that are deleted. Who may not look at it sees the rows only.
        let newest = format!(
            "select coalesce((select max(t.id) from {table} as t), 0)::bigint, coalesce(case when \
             has_sequence_privilege(s.oid, 'select, usage') then pg_sequence_last_value(s.oid) end, 0)::bigint \
             from (select pg_get_serial_sequence($1::text, 'id')::regclass as oid) as s"
        );
        let prepared = try_join_all([&live, &of_tenant, &newest].map(|text| client.prepare(text))).await;
        let prepared = prepared.map_err(|error| error::in_words(Asked::Rows(table), &error))?;
        let [live, of_tenant, newest] = <[Statement; 3]>::try_from(prepared).expect("three were prepared");
        let page_rows = i64::from(config.page_rows.get());
        Ok(Self { client, table: table.into(), page_rows, live, of_tenant, newest })
    }

    /// Runs a query of one row.
    pub(super) async fn row(&self, select: &str) -> Result<Row, FeedError> {
        self.client.query_one(select, &[]).await.map_err(|error| self.failed(&error))
    }

    pub(super) async fn newest(&self) -> Result<Newest, FeedError> {
        let row = self.client.query_one(&self.newest, &[&&*self.table]).await;
        let read = row.and_then(|row| {
            let number = |column| row.try_get(column).map(|id: i64| u64::try_from(id).unwrap_or(0));
            Ok(Newest { row: number(0)?, drawn: number(1)? })
        });
        read.map_err(|error| self.failed(&error))
    }

    /// A page of the rows behind the id `after`, of every tenant.
    pub(super) async fn after(&self, after: u64) -> Result<Rows, FeedError> {
        self.page(&self.live, &[&bigint(after), &self.page_rows], self.page_rows).await
    }

    async fn of_tenant(&self, tenant: &TenantId, after: u64, until: u64, most: usize) -> Result<Rows, FeedError> {
        let rows = i64::try_from(most).unwrap_or(i64::MAX).min(self.page_rows);
        let parameters: &[Parameter<'_>] = &[&tenant.as_str(), &bigint(after), &bigint(until), &rows];
        self.page(&self.of_tenant, parameters, rows).await
    }

    async fn page(&self, statement: &Statement, parameters: &[Parameter<'_>], most: i64) -> Result<Rows, FeedError> {
        let rows = self.client.query_raw(statement, parameters.iter().copied()).await;
        let read = match rows {
            Ok(rows) => collect(rows, most).await,
            Err(error) => Err(error),
        };
        read.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &Error) -> FeedError {
        error::in_words(Asked::Rows(&self.table), error)
    }
}

type Parameter<'a> = &'a (dyn ToSql + Sync);

/// Beyond the largest id there is no row.
fn bigint(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

/// The first rows: `most` of them, or as many as a page holds in bytes. What is not taken is passed over by the connection.
async fn collect(rows: RowStream, most: i64) -> Result<Rows, Error> {
    let mut rows = std::pin::pin!(rows);
    let (mut messages, mut bytes) = (Vec::new(), 0);
    while bytes < PAGE_BYTES {
        let Some(row) = rows.try_next().await? else {
            let are_all = (messages.len() as i64) < most;
            return Ok(Rows { messages, are_all });
        };
        let message = message(&row)?;
        bytes += message.payload.len();
        messages.push(message);
    }
    Ok(Rows { messages, are_all: false })
}

/// A row as the device would have published it. Names that are not there are empty, which the router takes for none.
fn message(row: &Row) -> Result<FeedMessage, Error> {
    let number = row.try_get::<_, i64>(0)?;
    let text = |column| row.try_get::<_, Option<&str>>(column);
    let name = |column| text(column).map(|name| Box::from(name.unwrap_or_default()));
    Ok(FeedMessage {
        number: u64::try_from(number).unwrap_or(0),
        whose: Whose::Device(name(1)?, name(2)?),
        payload: payload(text(3)?, text(4)?),
    })
}

/// Without `metrics` where the column is null, as a device may leave it out.
fn payload(ts: Option<&str>, metrics: Option<&str>) -> Bytes {
    let ts = ts.unwrap_or("null");
    let payload = match metrics {
        Some(metrics) => format!("{{\"ts\":{ts},\"metrics\":{metrics}}}"),
        None => format!("{{\"ts\":{ts}}}"),
    };
    Bytes::from(payload)
}

/// Reads a tenant's older rows. Without a table there are none.
#[derive(Clone)]
pub(crate) struct Reader(pub(super) Option<Arc<Reading>>);

impl FeedReader for Reader {
    async fn read(&self, tenant: &TenantId, after: u64, until: u64, most: usize) -> Result<Page, FeedError> {
        let Some(reading) = &self.0 else {
            return Ok(Page { is_last: true, ..Page::default() });
        };
        let Rows { messages, are_all } = reading.of_tenant(tenant, after, until, most).await?;
        // A table can't tell that rows were deleted.
        Ok(Page { messages, kept_from: 0, is_last: are_all })
    }
}
