// A Thrift server of one of the services, over the stock TSocket or over QNX message passing.
//   server tsocket SERVICE          prints "ready PORT"
//   server msgsend SERVICE NAME     attaches NAME, prints "ready 0"
#include "handlers.h"
#include "msg_transport.h"

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/server/TSimpleServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TServerSocket.h>

#include <cstring>

using namespace apache::thrift;

namespace {

// Says the port once the socket listens.
class Announce : public server::TServerEventHandler {
public:
    explicit Announce(std::shared_ptr<transport::TServerSocket> socket) : socket_(std::move(socket)) {}
    void preServe() override {
        std::printf("ready %d\n", socket_->getPort());
        std::fflush(stdout);
    }

private:
    std::shared_ptr<transport::TServerSocket> socket_;
};

int serve_tsocket(const std::string &service) {
    auto socket = std::make_shared<transport::TServerSocket>("127.0.0.1", 0);
    server::TSimpleServer server(bench::make_processor(service), socket, std::make_shared<transport::TBufferedTransportFactory>(),
                                 std::make_shared<protocol::TBinaryProtocolFactory>());
    server.setServerEventHandler(std::make_shared<Announce>(socket));
    server.serve();
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    if (argc == 3 && std::strcmp(argv[1], "tsocket") == 0) {
        return serve_tsocket(argv[2]);
    }
    if (argc == 4 && std::strcmp(argv[1], "msgsend") == 0) {
        return bench::serve_messages(*bench::make_processor(argv[2]), argv[3]);
    }
    std::fprintf(stderr, "usage: %s tsocket SERVICE | msgsend SERVICE NAME\n", argv[0]);
    return 2;
}
