//! Small programs over libcustom_socket, and what they share.
//!
//! `csock-httpd` serves one file, `csock-fetch` fetches one, `csock-stat` prints the module's counters, and `csock-demo` runs them
//! against ordinary peers (`curl`, Python's `http.server`). Each server and client runs over csock or over the message path, so that
//! the two are compared with the same program.

pub mod fetch;
pub mod ledger;
pub mod path;
pub mod peers;
pub mod serve;
pub mod stand;
