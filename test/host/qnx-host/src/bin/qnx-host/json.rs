//! The same for programs: what `--json` prints.

use qnx_host::admin::{self, Process, Thread};
use serde_json::{Value as Json, json};

use crate::text::call_name;

/// A process and its threads.
pub fn threads(process: &Process) -> Json {
    let thread = |t: &Thread| {
        let mut image = json!({
            "tid": t.tid, "state": t.state, "priority": t.priority, "name": t.name, "linux_tid": t.linux_tid,
        });
        match t.state.as_str() {
            "SEND" | "REPLY" => image["blocked"] = json!({ "pid": t.pid, "chid": t.chid }),
            "RECEIVE" => image["blocked"] = json!({ "chid": t.chid }),
            "BLOCKED" => image["blocked"] = json!({ "linux": call_name(t.call) }),
            _ => {}
        }
        image
    };
    let threads: Vec<Json> = process.threads.iter().map(thread).collect();
    json!({ "pid": process.pid, "name": process.name, "stopped": process.silent, "cut": process.cut, "threads": threads })
}

/// A process, its connections, channels and clients.
pub fn connections(process: &Process) -> Json {
    let connections: Vec<Json> = process
        .connections
        .iter()
        .map(|c| {
            json!({
                "coid": c.coid, "side_channel": c.coid & 0x4000_0000 != 0, "pid": c.pid, "chid": c.chid,
                "scoid": c.scoid, "flags": c.flags, "dead": c.dead,
            })
        })
        .collect();
    let channels: Vec<Json> = process
        .channels
        .iter()
        .map(|channel| {
            let clients: Vec<Json> = process
                .clients
                .iter()
                .filter(|client| client.chid == channel.chid)
                .map(|client| json!({ "scoid": client.scoid, "pid": client.pid }))
                .collect();
            json!({ "chid": channel.chid, "flags": channel.flags, "clients": clients })
        })
        .collect();
    json!({
        "pid": process.pid, "name": process.name, "stopped": process.silent, "cut": process.cut,
        "connections": connections, "channels": channels, "handles": process.handles,
    })
}

/// A name.
pub fn name(name: &admin::Name) -> Json {
    json!({ "name": name.name, "pid": name.pid, "chid": name.chid, "stale": !name.alive })
}
