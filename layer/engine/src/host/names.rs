//! Addresses of names, as the system's resolver would find them: `/etc/hosts`, then the servers of `/etc/resolv.conf`. The
//! engine has none of the system's libraries.

use crate::engine::{Argument, Callback};
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use rquickjs::{Ctx, Function, Object, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set("lookup", Function::new(ctx.clone(), lookup)?)
}

/// Looks up the addresses of a name; tells a code, or nothing and the addresses.
fn lookup<'js>(ctx: Ctx<'js>, name: String, done: Function<'js>) {
    let done = Callback::new(&ctx, done);
    tokio::task::spawn_local(async move {
        // bound before the callback runs: what is looked up is borrowed
        let result = addresses(&name).await;
        match result {
            Ok(found) => {
                let found = found.iter().map(IpAddr::to_string).collect();
                done.call([Argument::Nothing, Argument::Strings(found)]);
            }
            Err(error) => done.call([Argument::Text(code(&error))]),
        }
    });
}

async fn addresses(name: &str) -> std::result::Result<Vec<IpAddr>, NetError> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    let mut found = in_hosts(name);
    if found.is_empty() {
        found = by_servers(name).await?;
    }
    // usable ones first, and IPv6 before IPv4 (RFC 6724, rules 1 and 6); each is tried in turn
    found.sort_by_key(|address| (!is_routable(*address), address.is_ipv4()));
    Ok(found)
}

/// What `/etc/hosts` has, which is all there is of such a name. Read each time: it is short, and seldom asked.
fn in_hosts(name: &str) -> Vec<IpAddr> {
    let (Ok(hosts), Ok(name)) = (Hosts::from_system(), Name::from_utf8(name)) else {
        return Vec::new();
    };
    let lookups = [RecordType::AAAA, RecordType::A]
        .into_iter()
        .filter_map(|kind| hosts.lookup_static_host(&Query::query(name.clone(), kind)));
    lookups
        .flat_map(|lookup| {
            lookup
                .answers()
                .iter()
                .filter_map(|record| record.data.ip_addr())
                .collect::<Vec<_>>()
        })
        .collect()
}

async fn by_servers(name: &str) -> std::result::Result<Vec<IpAddr>, NetError> {
    // Read each time, too: a sandbox may be restored elsewhere. Nothing is kept, as on Node.js: how long an address was good
    // is not known after a freeze.
    let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
        // what resolv.conf(5) says of a system that has no such file
        let server = NameServerConfig::udp_and_tcp(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let config = ResolverConfig::from_name_servers(vec![server]);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    });
    let options = builder.options_mut();
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = 0;
    options.ip_strategy = if has_ipv6() {
        LookupIpStrategy::Ipv6AndIpv4
    } else {
        LookupIpStrategy::Ipv4Only
    };
    Ok(builder.build()?.lookup_ip(name).await?.iter().collect())
}

/// Whether addresses of IPv6 are of any use, loopback apart (`AI_ADDRCONFIG` of getaddrinfo(3)): there is a way to the
/// networks that are assigned, or to private ones.
fn has_ipv6() -> bool {
    [0x2000, 0xfd00]
        .into_iter()
        .any(|network| is_routable(Ipv6Addr::new(network, 0, 0, 0, 0, 0, 0, 1).into()))
}

/// Whether there is a way to an address. Nothing is sent.
fn is_routable(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // any port: the discard protocol's
    UdpSocket::bind((any, 0)).is_ok_and(|socket| socket.connect((address, 9)).is_ok())
}

/// The words of Node.js.
fn code(error: &NetError) -> &'static str {
    // that there is no such name, or no address of it
    if error.is_no_records_found() {
        "ENOTFOUND"
    } else {
        "EAI_AGAIN"
    }
}
