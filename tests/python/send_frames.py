"""Sends the frames of a capture (pcap, Ethernet) out of a network interface, as they are and in their order."""

import os
import socket
import struct
import sys

capture, interface = sys.argv[1:]
data = open(capture, "rb").read()
order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
# What is sent from several processors may arrive in another order.
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((interface, 0))
at = 24
while at < len(data):
    (length,) = struct.unpack_from(order + "8xI4x", data, at)
    sender.send(data[at + 16 : at + 16 + length])
    at += 16 + length
