//! Prints the module's counters over all clients: a table, `counters JSON` and the ledger line that the demo reads.

use anyhow::Result;
use csock_apps::ledger::Ledger;
use custom_socket::Session;

fn main() -> Result<()> {
    let session = Session::connect()?;
    let total = session.stats()?.total;
    let rows = [
        ("control_msgs", total.control_msgs),
        ("doorbells", total.doorbells),
        ("events", total.events),
        ("worker_wakeups", total.worker_wakeups),
        ("tx_bytes", total.tx_bytes),
        ("tx_bytes_copied", total.tx_bytes_copied),
        ("rx_bytes", total.rx_bytes),
        ("rx_bytes_copied", total.rx_bytes_copied),
        ("ext_mbufs_outstanding", total.ext_mbufs_outstanding),
        ("ext_mbufs_total", total.ext_mbufs_total),
        ("desc_accepted", total.desc_accepted),
        ("desc_refused", total.desc_refused),
        ("sockets_open", total.sockets_open),
        ("sessions_open", total.sessions_open),
        ("pools_mapped", total.pools_mapped),
        ("parked", total.parked),
    ];
    for (name, value) in rows {
        println!("{name:<24}{value:>16}");
    }
    let map: serde_json::Map<String, serde_json::Value> =
        rows.iter().map(|(n, v)| ((*n).to_owned(), (*v).into())).collect();
    println!("counters {}", serde_json::Value::Object(map));
    Ledger {
        ext_mbufs_outstanding: total.ext_mbufs_outstanding,
        worker_wakeups: total.worker_wakeups,
        ..Ledger::default()
    }
    .print()
}
