"""A gRPC client: calls /reprise.Echo/Twice at the given address, and a method that is not there."""

import sys

import grpc

with grpc.insecure_channel(sys.argv[1], options=[("grpc.enable_http_proxy", 0)]) as channel:
    twice = channel.unary_unary("/reprise.Echo/Twice")
    for message in [b"a", b"bb", b"", b"c" * 60_000]:
        assert twice(message, timeout=30, metadata=[("x-len", str(len(message)))]) == message * 2
    try:
        channel.unary_unary("/reprise.Echo/Never")(b"", timeout=30)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
    else:
        sys.exit("a method that is not there was called")
