// Thrift over QNX message passing: one call is one MsgSend, its answer the reply.
#pragma once

#include <thrift/TProcessor.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TVirtualTransport.h>

#include <sys/dispatch.h>
#include <sys/neutrino.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace bench {

// Longest Thrift message either way.
constexpr std::size_t MESSAGE_LIMIT = 64 * 1024;

// Every message starts with a type above the system's, as QNX asks for.
struct MessageHead {
    std::uint16_t type;
    std::uint16_t one_way;
    std::uint32_t reserved;
};
constexpr std::uint16_t MESSAGE_TYPE = 0x4d00;

// Thrift's binary protocol starts a message with its version and kind; kind 4 is one-way.
inline bool is_one_way(const std::vector<std::uint8_t> &message) { return message.size() >= 4 && message[3] == 4; }

// Client side: collects what is written, sends it at flush, and reads from the reply.
class ClientMsgTransport : public apache::thrift::transport::TVirtualTransport<ClientMsgTransport> {
public:
    explicit ClientMsgTransport(std::string name) : name_(std::move(name)) {}
    ~ClientMsgTransport() override { close(); }

    bool isOpen() const override { return coid_ != -1; }
    void open() override {
        coid_ = name_open(name_.c_str(), 0);
        if (coid_ == -1) {
            throw apache::thrift::transport::TTransportException("name_open failed: " + name_);
        }
    }
    void close() override {
        if (coid_ != -1) {
            name_close(coid_);
            coid_ = -1;
        }
    }
    std::uint32_t read(std::uint8_t *buffer, std::uint32_t length) {
        std::size_t n = std::min<std::size_t>(length, reply_length_ - read_at_);
        if (n == 0) {
            throw apache::thrift::transport::TTransportException(apache::thrift::transport::TTransportException::END_OF_FILE);
        }
        std::memcpy(buffer, reply_.data() + read_at_, n);
        read_at_ += n;
        return static_cast<std::uint32_t>(n);
    }
    void write(const std::uint8_t *buffer, std::uint32_t length) { out_.insert(out_.end(), buffer, buffer + length); }
    void flush() override {
        MessageHead head = {MESSAGE_TYPE, static_cast<std::uint16_t>(is_one_way(out_)), 0};
        iov_t parts[2];
        SETIOV(&parts[0], &head, sizeof head);
        SETIOV(&parts[1], out_.data(), out_.size());
        // The reply's length is the status: Thrift's messages carry none.
        long status = MsgSendvs(coid_, parts, 2, reply_.data(), reply_.size());
        out_.clear();
        if (status == -1) {
            throw apache::thrift::transport::TTransportException("MsgSend failed");
        }
        reply_length_ = static_cast<std::size_t>(status);
        read_at_ = 0;
    }

private:
    std::string name_;
    int coid_ = -1;
    std::vector<std::uint8_t> out_;
    std::vector<std::uint8_t> reply_ = std::vector<std::uint8_t>(MESSAGE_LIMIT);
    std::size_t reply_length_ = 0;
    std::size_t read_at_ = 0;
};

// Server side: receives, lets the processor answer into memory, replies.
inline int serve_messages(apache::thrift::TProcessor &processor, const char *name) {
    using apache::thrift::transport::TMemoryBuffer;
    name_attach_t *attach = name_attach(nullptr, name, 0);
    if (attach == nullptr) {
        std::perror("name_attach");
        return 1;
    }
    std::printf("ready 0\n");
    std::fflush(stdout);
    auto in = std::make_shared<TMemoryBuffer>();
    auto out = std::make_shared<TMemoryBuffer>();
    auto in_protocol = std::make_shared<apache::thrift::protocol::TBinaryProtocol>(in);
    auto out_protocol = std::make_shared<apache::thrift::protocol::TBinaryProtocol>(out);
    std::vector<std::uint8_t> buffer(sizeof(MessageHead) + MESSAGE_LIMIT);
    for (;;) {
        struct _msg_info info;
        rcvid_t rcvid = MsgReceive(attach->chid, buffer.data(), buffer.size(), &info);
        if (rcvid == -1) {
            std::perror("MsgReceive");
            return 1;
        }
        if (rcvid == 0) {
            struct _pulse pulse;
            std::memcpy(&pulse, buffer.data(), sizeof pulse);
            if (pulse.code == _PULSE_CODE_DISCONNECT) {
                ConnectDetach(pulse.scoid);
            }
            continue;
        }
        MessageHead head;
        std::memcpy(&head, buffer.data(), sizeof head);
        if (static_cast<std::size_t>(info.msglen) < sizeof head || head.type != MESSAGE_TYPE) {
            MsgError(rcvid, ENOSYS);
            continue;
        }
        if (head.one_way) {
            // Nobody waits for the result: let the caller go on first.
            MsgReply(rcvid, 0, nullptr, 0);
        }
        in->resetBuffer(buffer.data() + sizeof head, static_cast<std::uint32_t>(info.msglen - sizeof head), TMemoryBuffer::OBSERVE);
        out->resetBuffer();
        processor.process(in_protocol, out_protocol, nullptr);
        if (!head.one_way) {
            std::uint8_t *answer = nullptr;
            std::uint32_t length = 0;
            out->getBuffer(&answer, &length);
            MsgReply(rcvid, length, answer, length);
        }
    }
}

} // namespace bench
