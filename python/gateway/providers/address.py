"""Addresses that no provider has, unless the operator says so."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address


def link_local(host: str) -> bool:
    """Whether a host is an address in 169.254.0.0/16 or fe80::/10, where clouds tell a machine its secrets.

    An address may be spelled as resolvers take it, such as `0xa9fea9fe`. A name is none.
    """
    try:
        address = ip_address(host)
    except ValueError:
        try:
            address = ip_address(socket.inet_aton(host))
        except (OSError, ValueError, UnicodeError):
            return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_link_local
