// A Thrift client of one of the services: makes the calls and prints how long they took.
//   client tsocket SERVICE PORT CALLS | client msgsend SERVICE NAME CALLS
#include "handlers.h"
#include "msg_transport.h"

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TSocket.h>

#include <cstring>

using namespace apache::thrift;
using protocol::TProtocol;

namespace {

void run_ping(std::shared_ptr<TProtocol> protocol, long calls) {
    bench::pingClient client(protocol);
    bench::test_struct arg, result;
    arg.id = BENCH_PING_ID;
    arg.value = BENCH_PING_VALUE;
    arg.text = BENCH_PING_TEXT;
    auto ping = [&](long i) {
        arg.stamp = i;
        client.ping(result, arg);
        if (result.stamp != i) {
            bench_fail("ping", "another call's answer");
        }
    };
    std::int64_t total;
    BENCH_WARM_UP(i, ping(i););
    BENCH_TIME(total, calls, i, ping(i););
    bench_result("ping", total, calls);

    std::int64_t start = bench_now_ns();
    BENCH_TIME(total, calls, i, client.hello(BENCH_HELLO_TEXT););
    bench_result("hello", total, calls);
    // A call with an answer: the one-way ones before it have been taken.
    ping(0);
    bench_result("hello_delivered", bench_now_ns() - start, calls);
}

void run_calculator(std::shared_ptr<TProtocol> protocol, long calls) {
    bench::calculatorClient client(protocol);
    auto calculate = [&](long i) {
        std::int32_t a = static_cast<std::int32_t>(i) + 7, b = 3;
        if (client.add(a, b) != a + b || client.subtract(a, b) != a - b || client.multiply(a, b) != a * b || client.divide(a, b) != a / b) {
            bench_fail("calculator", "wrong result");
        }
    };
    std::int64_t total;
    BENCH_WARM_UP(i, calculate(i););
    BENCH_TIME(total, calls, i, calculate(i););
    bench_result("calculator", total, calls);
}

void run_timer(std::shared_ptr<TProtocol> protocol, long calls) {
    bench::timerClient client(protocol);
    bench::timer_id id = client.start(BENCH_TIMER_INTERVAL_US);
    std::int64_t sum = 0;
    for (long i = 0; i < calls; i++) {
        std::int64_t sent = client.tick(id);
        sum += bench_now_ns() - sent;
    }
    client.stop(id);
    bench_result("timer", sum, calls);
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s tsocket SERVICE PORT CALLS | msgsend SERVICE NAME CALLS\n", argv[0]);
        return 2;
    }
    std::shared_ptr<transport::TTransport> transport;
    if (std::strcmp(argv[1], "tsocket") == 0) {
        auto socket = std::make_shared<transport::TSocket>("127.0.0.1", std::atoi(argv[3]));
        transport = std::make_shared<transport::TBufferedTransport>(socket);
    } else {
        transport = std::make_shared<bench::ClientMsgTransport>(argv[3]);
    }
    transport->open();
    auto protocol = std::make_shared<protocol::TBinaryProtocol>(transport);
    std::string service = argv[2];
    long calls = std::atol(argv[4]);
    if (service == "ping") {
        run_ping(protocol, calls);
    } else if (service == "calculator") {
        run_calculator(protocol, calls);
    } else {
        run_timer(protocol, calls);
    }
    transport->close();
    return 0;
}
