// The three services, the same for every transport.
#pragma once

#include "../common.h"
#include "calculator.h"
#include "ping.h"
#include "timer.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace bench {

template <class Interface> class ExampleHandler : virtual public Interface {
public:
    void name(std::string &result) override { result = "bench"; }
    void version(version_struct &result) override {
        result.major = 1;
        result.minor = 0;
        result.patch = 0;
    }
};

class PingHandler : public ExampleHandler<pingIf> {
public:
    void ping(test_struct &result, const test_struct &arg) override { result = arg; }
    void hello(const std::string &text) override { bytes_ += text.size(); }

private:
    std::size_t bytes_ = 0;
};

class CalculatorHandler : public ExampleHandler<calculatorIf> {
public:
    std::int32_t add(std::int32_t a, std::int32_t b) override { return a + b; }
    std::int32_t subtract(std::int32_t a, std::int32_t b) override { return a - b; }
    std::int32_t multiply(std::int32_t a, std::int32_t b) override { return a * b; }
    std::int32_t divide(std::int32_t a, std::int32_t b) override {
        if (b == 0) {
            throw std::invalid_argument("division by zero");
        }
        return a / b;
    }
};

// `tick` waits for the next multiple of the interval, then says when it answers: the caller subtracts that from its arrival.
class TimerHandler : public ExampleHandler<timerIf> {
public:
    timer_id start(std::int64_t interval_us) override {
        interval_ns_ = interval_us * 1000;
        return 1;
    }
    void stop(timer_id) override { interval_ns_ = 0; }
    timestamp tick(timer_id) override {
        std::this_thread::sleep_for(std::chrono::nanoseconds(interval_ns_));
        return bench_now_ns();
    }

private:
    std::int64_t interval_ns_ = 0;
};

inline std::shared_ptr<apache::thrift::TProcessor> make_processor(const std::string &service) {
    if (service == "ping") {
        return std::make_shared<pingProcessor>(std::make_shared<PingHandler>());
    }
    if (service == "calculator") {
        return std::make_shared<calculatorProcessor>(std::make_shared<CalculatorHandler>());
    }
    if (service == "timer") {
        return std::make_shared<timerProcessor>(std::make_shared<TimerHandler>());
    }
    throw std::invalid_argument("unknown service '" + service + "'; known: ping, calculator, timer");
}

} // namespace bench
