"""One call of the admin listener by its name, with Python's `grpcio` and the server's reflection: no generated code.

Usage: admin_call.py [--camel] [--ca FILE [--cert FILE --key FILE]] ADDRESS CALL JSON [TOKEN] [COUNT]
       admin_call.py … ADDRESS list '"SERVICE"' [TOKEN]

CALL is one of the admin API, or SERVICE/METHOD. With --ca it speaks TLS and trusts that authority alone. Prints each answer
as a line of JSON with the names of the .proto files, or with --camel as protobuf's JSON has them; of a
stream, the first COUNT answers. A call that fails prints
{"code": ..., "message": ...} and exits with 1. `list` prints the methods that reflection tells of a service, as one list.
"""

import argparse
import json
import sys
from pathlib import Path

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "floodway.admin.v1.Admin"
DEADLINE_SECONDS = 30


class WithToken(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Sends the token with every call, reflection included."""

    def __init__(self, token):
        self.metadata = [("authorization", f"Bearer {token}")]

    def intercept(self, proceed, details, request):
        return proceed(details._replace(metadata=self.metadata), request)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_stream = intercept


def main():
    asked = arguments()
    channel = open_channel(asked)
    if asked.token:
        channel = grpc.intercept_channel(channel, WithToken(asked.token))
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    try:
        if asked.call == "list":
            service = pool.FindServiceByName(json.loads(asked.request))
            print(json.dumps([method.name for method in service.methods]))
            return
        for answer in answers(channel, pool, asked.call, asked.request, asked.count):
            text = json_format.MessageToDict(
                answer, preserving_proto_field_name=not asked.camel, always_print_fields_with_no_presence=True
            )
            print(json.dumps(text), flush=True)
    except grpc.RpcError as error:
        print(json.dumps({"code": error.code().name, "message": error.details()}))
        sys.exit(1)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--camel", action="store_true")
    for name in ("--ca", "--cert", "--key"):
        parser.add_argument(name, type=Path)
    for name in ("address", "call", "request"):
        parser.add_argument(name)
    parser.add_argument("token", nargs="?", default="")
    parser.add_argument("count", nargs="?", type=int, default=1)
    return parser.parse_args()


def open_channel(asked):
    if not asked.ca:
        return grpc.insecure_channel(asked.address)
    files = [file and file.read_bytes() for file in (asked.ca, asked.key, asked.cert)]
    return grpc.secure_channel(asked.address, grpc.ssl_channel_credentials(*files))


def answers(channel, pool, call, request, count):
    service, _, name = call.rpartition("/")
    service = service or SERVICE
    method = pool.FindServiceByName(service).FindMethodByName(name)
    asked = json_format.Parse(request, GetMessageClass(method.input_type)())
    begin = channel.unary_stream if method.server_streaming else channel.unary_unary
    begin = begin(
        f"/{service}/{name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    answer = begin(asked, timeout=DEADLINE_SECONDS)
    if not method.server_streaming:
        yield answer
        return
    for _ in range(count):
        yield next(answer)
    answer.cancel()


main()
