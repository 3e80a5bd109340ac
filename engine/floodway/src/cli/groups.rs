//! `floodway groups`: named sets of a tenant's devices, shown and changed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use floodway_proto::admin::v1::{
    DeleteGroupRequest, GetGroupRequest, GetGroupResponse, Group, ListGroupsRequest, ListGroupsResponse,
    PutGroupRequest, PutGroupResponse,
};

use super::answers::pages;
use super::failure::Failure;
use super::parse::name;
use super::remote::Remote;
use super::show::{more, plain, plural, stale, table};
use crate::client::Client;

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
    let tenant_id = args
        .tenant
        .ok_or_else(|| Failure::Usage("--tenant is missing: groups belong to a tenant".to_owned()))?;
    let remote = &args.remote;
    let command = args.command.unwrap_or(Command::List { all: false });
    // A file that can't be read is reported before the gateway is called.
    let device_ids = match &command {
        Command::Put { devices, devices_from, .. } => with_file(devices, devices_from.as_deref())?,
        _ => Vec::new(),
    };
    match command {
        Command::List { all } => {
            let call = async |mut client: Client| {
                let page = async |page_size, page_token| {
                    let page = ListGroupsRequest { tenant_id: tenant_id.clone(), page_size, page_token };
                    client.list_groups(page).await
                };
                pages(all, page).await
            };
            remote.call(call, list)
        }
        Command::Get { group: group_id } => {
            let request = GetGroupRequest { tenant_id, group_id };
            remote.call(async |mut client| client.get_group(request).await, devices)
        }
        Command::Put { group: group_id, .. } => {
            let group = Some(Group { tenant_id, group_id, device_ids });
            remote.call(async |mut client| client.put_group(PutGroupRequest { group }).await, put)
        }
        Command::Delete { group } => {
            let request = DeleteGroupRequest { tenant_id, group_id: group.clone() };
            let text = format!("group {} is deleted\n", plain(&group));
            remote.call(async |mut client| client.delete_group(request).await, |_| text)
        }
    }
}

fn list(answer: &ListGroupsResponse) -> String {
    let groups = answer.groups.iter();
    let rows = groups.map(|group| [plain(&group.group_id), group.devices.to_string()]);
    stale(answer.known_at, SystemTime::now())
        + &table("GROUP >DEVICES", rows)
        + &more(&answer.next_page_token, "groups list --all")
}

/// A device on each line, as --devices-from takes them; so a warning goes to the other output.
fn devices(answer: &GetGroupResponse) -> String {
    eprint!("{}", stale(answer.known_at, SystemTime::now()));
    let lines = answer.group.iter().flat_map(|group| &group.device_ids);
    lines.map(|device| plain(device) + "\n").collect()
}

fn put(answer: &PutGroupResponse) -> String {
    let group = answer.group.clone().unwrap_or_default();
    let done = if answer.created { "created" } else { "replaced" };
    let devices = plural(group.devices, "device");
    format!("group {} is {done}: {devices}\n", plain(&group.group_id))
}

/// The devices of the flags, then those of the file.
fn with_file(flags: &[String], file: Option<&Path>) -> Result<Vec<String>, Failure> {
    let mut devices = flags.to_vec();
    let Some(path) = file else {
        return Ok(devices);
    };
    let wrong = |what: String| Failure::Usage(format!("--devices-from \"{}\": {what}", path.display()));
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

#[cfg(test)]
mod tests;
