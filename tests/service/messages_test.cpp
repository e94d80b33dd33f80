#include "polyformer/service/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/ckks/files/serialization.h"
#include "polyformer/support/error.h"

namespace polyformer::service {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

ckks::Parameters small_parameters() {
    ckks::ParametersLiteral literal;
    literal.ring_dimension = 1024;
    literal.base_prime_bits = 34;
    literal.scale_bits = 30;
    literal.working_levels = 1;
    literal.special_prime_bits = 36;
    literal.special_primes = 1;
    literal.security = ckks::Security::insecure;
    return ckks::Parameters::create(literal);
}

class MessagesTest : public ::testing::Test {
  protected:
    ckks::Parameters parameters_ = small_parameters();

    static Mark mark() {
        Mark mark{};
        for (std::size_t i = 0; i < mark.size(); ++i) mark[i] = static_cast<std::uint8_t>(7 * i + 1);
        return mark;
    }

    Request request() const {
        ckks::SeededCiphertext input;
        input.b = ckks::RnsPolynomial(1024, 1);
        input.b.limb(0)[5] = 77;
        input.seed.fill(9);
        input.scale = parameters_.scale(0);
        input.slots = 512;
        input.key_fingerprint = "abc";
        return {3, 2, std::string(64, 'a'), std::string(64, 'b'), "abc", mark(), {input, input}};
    }
    Reply reply() const {
        return {{3, 2, mark()}, std::string(64, 'b'), "abc", {ckks::expand(parameters_, request().inputs[0])}};
    }

    std::vector<std::byte> request_bytes() const {
        ckks::MemorySink sink;
        write_request(sink, parameters_, request());
        return {sink.bytes().begin(), sink.bytes().end()};
    }
    std::vector<std::byte> reply_bytes() const {
        ckks::MemorySink sink;
        write_reply(sink, parameters_, reply());
        return {sink.bytes().begin(), sink.bytes().end()};
    }
};

TEST_F(MessagesTest, RoundTripsRequest) {
    const std::vector<std::byte> bytes = request_bytes();
    const Request read = read_request(ckks::MemorySource(bytes), parameters_);
    const Request written = request();
    EXPECT_EQ(read.tokens, written.tokens);
    EXPECT_EQ(read.images, 2U);
    EXPECT_EQ(read.model_fingerprint, written.model_fingerprint);
    EXPECT_EQ(read.plan_fingerprint, written.plan_fingerprint);
    EXPECT_EQ(read.key_fingerprint, written.key_fingerprint);
    EXPECT_EQ(read.mark, mark());
    ASSERT_EQ(read.inputs.size(), 2U);
    EXPECT_EQ(read.inputs[1].seed, written.inputs[1].seed);
    EXPECT_EQ(read.inputs[1].b.limb(0)[5], 77U);
    EXPECT_EQ(read.inputs[1].key_fingerprint, "abc");
}

TEST_F(MessagesTest, RoundTripsReply) {
    const std::vector<std::byte> bytes = reply_bytes();
    const Reply read = read_reply(ckks::MemorySource(bytes), parameters_);
    EXPECT_EQ(read.asked.tokens, 3U);
    EXPECT_EQ(read.asked.images, 2U);
    EXPECT_EQ(read.asked.mark, mark());
    EXPECT_EQ(read.plan_fingerprint, reply().plan_fingerprint);
    ASSERT_EQ(read.outputs.size(), 1U);
    EXPECT_EQ(read.outputs[0].components[0].limb(0)[5], 77U);
}

TEST_F(MessagesTest, RefusesTruncationsFlipsAndEachOther) {
    std::vector<std::byte> bytes = request_bytes();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        ASSERT_THROW(read_request(ckks::MemorySource(std::span(bytes).first(length)), parameters_), FormatError);
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] ^= std::byte{0x10};
        ASSERT_THROW(read_request(ckks::MemorySource(bytes), parameters_), FormatError) << i;
        bytes[i] ^= std::byte{0x10};
    }
    EXPECT_THAT([&] { read_reply(ckks::MemorySource(bytes), parameters_); },
                ThrowsMessage<FormatError>(HasSubstr("holds 'inference request', but 'inference reply' is needed")));
    EXPECT_THROW(read_request(ckks::MemorySource(reply_bytes()), parameters_), FormatError);
}

TEST_F(MessagesTest, RefusesARequestWithoutCiphertexts) {
    Request empty = request();
    empty.inputs.clear();
    ckks::MemorySink sink;
    write_request(sink, parameters_, empty);
    EXPECT_THROW(read_request(ckks::MemorySource(sink.bytes()), parameters_), FormatError);
    empty.model_fingerprint = "no fingerprint";
    EXPECT_THROW(write_request(sink, parameters_, empty), Error);
}

}  // namespace
}  // namespace polyformer::service
