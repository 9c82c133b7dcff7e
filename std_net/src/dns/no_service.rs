//! Stands in for `resolved` without that feature. There is no service then, so these types have no values.

use std::net::{IpAddr, SocketAddr};

use std_net_runtime::Deadline;

use super::{Error, Family};

#[derive(Clone, Debug)]
pub(super) enum Service {}

impl Service {
    pub(super) fn of_system() -> Option<Service> {
        None
    }
}

pub(super) enum Refusal {}

impl Refusal {
    pub(super) fn is_unusable(&self) -> bool {
        match *self {}
    }

    pub(super) fn into_error(self, _: &str) -> Error {
        match self {}
    }
}

pub(super) fn addresses(
    service: &Service,
    _: &str,
    _: Family,
    _: Deadline,
) -> Result<Vec<SocketAddr>, Refusal> {
    match *service {}
}

pub(super) fn reverse(service: &Service, _: IpAddr, _: Deadline) -> Result<Vec<String>, Refusal> {
    match *service {}
}
