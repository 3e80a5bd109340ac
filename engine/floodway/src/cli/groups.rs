//! `floodway groups`: named sets of a tenant's devices, shown and changed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use serde_json::json;

use super::Failure;
use super::remote::{Remote, name};
use super::show::{Table, plain, plural, stale};
use floodway_server::admin::api::{
    DeleteGroupRequest, GetGroupRequest, Group, ListGroupsRequest, ListGroupsResponse,
    PutGroupRequest,
};
use floodway_server::admin::{Client, Json};

/// As many as the gateway gives in one answer.
const PAGE: i32 = 1000;

/// Show or change a tenant's groups of devices
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// The tenant
    #[arg(long, global = true, value_parser = name)]
    tenant: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the tenant's groups
    List {
        /// Show all, not only the first 100
        #[arg(long)]
        all: bool,
    },
    /// Show the devices of a group
    Get {
        /// The group
        #[arg(value_parser = name)]
        group: String,
    },
    /// Create a group, or put it in place of the one with this id, on every gateway of the broker
    Put {
        /// The group
        #[arg(value_parser = name)]
        group: String,
        /// A device of it; may be given more than once. Without any the group is empty
        #[arg(long = "device", value_name = "DEVICE", value_parser = name)]
        devices: Vec<String>,
        /// A file with a device on each line; - for the standard input
        #[arg(long, value_name = "FILE")]
        devices_from: Option<PathBuf>,
    },
    /// Delete a group, on every gateway of the broker
    Delete {
        /// The group
        #[arg(value_parser = name)]
        group: String,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let tenant_id = args.tenant.ok_or_else(|| {
        Failure::Usage("--tenant is missing: groups belong to a tenant".to_owned())
    })?;
    let remote = &args.remote;
    let command = args.command.unwrap_or(Command::List { all: false });
    // A file that can't be read is told before anybody is asked.
    let devices = match &command {
        Command::Put {
            devices,
            devices_from,
            ..
        } => with_file(devices, devices_from.as_deref())?,
        _ => Vec::new(),
    };
    super::block_on(async {
        let mut client = remote.connect().await?;
        match command {
            Command::List { all } => {
                let answer = list(&mut client, tenant_id, all).await?;
                remote.print(Json::of(&answer), || {
                    stale(answer.known_at, SystemTime::now()) + &table(&answer)
                })
            }
            Command::Get { group } => get(remote, &mut client, tenant_id, group).await,
            Command::Put { group, .. } => {
                let group = Group {
                    tenant_id,
                    group_id: group,
                    device_ids: devices,
                };
                put(remote, &mut client, group).await
            }
            Command::Delete { group } => {
                let request = DeleteGroupRequest {
                    tenant_id,
                    group_id: group.clone(),
                };
                client.delete_group(request).await?;
                remote.print(json!({}), || {
                    format!("group {} is deleted\n", plain(&group))
                })
            }
        }
    })
}

/// The first page, or all of them as one.
async fn list(
    client: &mut Client,
    tenant_id: String,
    all: bool,
) -> Result<ListGroupsResponse, Failure> {
    let mut request = ListGroupsRequest {
        tenant_id,
        page_size: if all { PAGE } else { 0 },
        ..ListGroupsRequest::default()
    };
    let mut whole = client.list_groups(request.clone()).await?;
    while all && !whole.next_page_token.is_empty() {
        request.page_token = whole.next_page_token;
        let page = client.list_groups(request.clone()).await?;
        whole.groups.extend(page.groups);
        whole.next_page_token = page.next_page_token;
    }
    Ok(whole)
}

async fn get(
    remote: &Remote,
    client: &mut Client,
    tenant_id: String,
    group_id: String,
) -> Result<(), Failure> {
    let request = GetGroupRequest {
        tenant_id,
        group_id,
    };
    let answer = client.get_group(request).await?;
    let group = answer.group.clone().unwrap_or_default();
    // A device on each line, as --devices-from takes them; so what else is to be said stands beside them.
    remote.print(Json::of(&answer), || {
        eprint!("{}", stale(answer.known_at, SystemTime::now()));
        let lines = group.device_ids.iter();
        lines.map(|device| plain(device) + "\n").collect()
    })
}

async fn put(remote: &Remote, client: &mut Client, group: Group) -> Result<(), Failure> {
    let request = PutGroupRequest { group: Some(group) };
    let answer = client.put_group(request).await?;
    let group = answer.group.clone().unwrap_or_default();
    remote.print(Json::of(&answer), || {
        let done = if answer.created {
            "created"
        } else {
            "replaced"
        };
        let devices = plural(group.devices, "device");
        format!("group {} is {done}: {devices}\n", plain(&group.group_id))
    })
}

/// The devices of the flags, then those of the file.
fn with_file(flags: &[String], file: Option<&Path>) -> Result<Vec<String>, Failure> {
    let mut devices = flags.to_vec();
    let Some(path) = file else {
        return Ok(devices);
    };
    let wrong =
        |what: String| Failure::Usage(format!("--devices-from \"{}\": {what}", path.display()));
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|error| wrong(error.to_string()))?;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let device = name(line).map_err(|error| wrong(format!("line {}: {error}", number + 1)))?;
        devices.push(device);
    }
    Ok(devices)
}

fn table(answer: &ListGroupsResponse) -> String {
    let mut table = Table::new(&["GROUP", ">DEVICES"]);
    for group in &answer.groups {
        table.row([plain(&group.group_id), group.devices.to_string()]);
    }
    let mut text = table.text();
    if !answer.next_page_token.is_empty() {
        text.push_str("… and more: groups list --all shows them\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_come_from_flags_and_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("devices");
        fs::write(&path, "B\n\nC 7\n").unwrap();
        let devices = with_file(&["A".to_owned()], Some(&path)).ok().unwrap();
        assert_eq!(devices, ["A", "B", "C 7"]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("devices");
        fs::write(&path, "B\na/b\n").unwrap();
        let Err(Failure::Usage(why)) = with_file(&[], Some(&path)) else {
            panic!("a device with a slash is taken");
        };
        assert!(
            why.contains("--devices-from") && why.contains("line 2"),
            "{why}"
        );
    }
}
