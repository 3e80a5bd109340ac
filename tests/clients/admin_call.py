"""One call of the admin listener by its name, with Python's `grpcio` and the server's reflection: no generated code.

Usage: admin_call.py ADDRESS CALL JSON [TOKEN] [COUNT]
       admin_call.py ADDRESS --list '"SERVICE"' [TOKEN]

CALL is one of the admin API, or SERVICE/METHOD. Prints each answer as a line of JSON with the names of the .proto files;
of a stream, the first COUNT answers. A call that fails prints {"code": ..., "message": ...} and exits with 1. --list
prints the methods that reflection tells of a service, as one list.
"""

import json
import sys

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
    address, call, request = sys.argv[1:4]
    token = sys.argv[4] if len(sys.argv) > 4 else ""
    count = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    channel = grpc.insecure_channel(address)
    if token:
        channel = grpc.intercept_channel(channel, WithToken(token))
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    try:
        if call == "--list":
            service = pool.FindServiceByName(json.loads(request))
            print(json.dumps([method.name for method in service.methods]))
            return
        for answer in answers(channel, pool, call, request, count):
            text = json_format.MessageToDict(
                answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
            print(json.dumps(text), flush=True)
    except grpc.RpcError as error:
        print(json.dumps({"code": error.code().name, "message": error.details()}))
        sys.exit(1)


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
