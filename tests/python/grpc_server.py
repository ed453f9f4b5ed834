"""A gRPC server with one method: /reprise.Echo/Twice answers with the message twice over, bytes in and bytes out."""

import sys
from concurrent import futures

import grpc


def twice(message, context):
    metadata = dict(context.invocation_metadata())
    context.send_initial_metadata([("x-seen", ",".join(sorted(metadata)))])
    context.set_trailing_metadata([("x-sum", str(len(message)))])
    return message + message


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == "/reprise.Echo/Twice":
            return grpc.unary_unary_rpc_method_handler(twice)
        return None


server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), handlers=[Echo()])
if server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}") == 0:
    sys.exit("port is taken")
server.start()
server.wait_for_termination()
