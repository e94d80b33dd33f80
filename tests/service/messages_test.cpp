#include "polyformer/service/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "polyformer/ckks/files/serialization.h"
#include "polyformer/service/request_check.h"
#include "polyformer/support/error.h"
#include "tests/ckks/files/counting_source.h"

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
        return {{3, 2}, std::string(64, 'a'), std::string(64, 'b'), "abc", mark(), {input, input}};
    }
    Reply reply() const {
        return {{{3, 2}, mark()}, std::string(64, 'b'), "abc", {ckks::expand(parameters_, request().inputs[0])}};
    }

    /// What the request is.
    ExpectedRequest expected() const {
        ExpectedRequest expected{{.parameters = parameters_}, std::string(64, 'b'), "abc"};
        expected.frame.model_fingerprint = std::string(64, 'a');
        expected.frame.packing = {.slots = 512, .tokens = 4, .features = 64, .images = 2};
        expected.frame.context = 4;
        expected.frame.least_rows = 2;
        expected.frame.input_layout.position.resize(2);
        return expected;
    }
    Request read(std::span<const std::byte> bytes) const { return read_request(ckks::MemorySource(bytes), expected()); }

    std::vector<std::byte> request_bytes() const { return bytes_of(request()); }
    std::vector<std::byte> bytes_of(const Request& request) const {
        ckks::MemorySink sink;
        write_request(sink, parameters_, request);
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
    const Request read = this->read(bytes);
    const Request written = request();
    EXPECT_EQ(read.lengths, (compile::Lengths{3, 2}));
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
    EXPECT_EQ(read.asked.lengths, (compile::Lengths{3, 2}));
    EXPECT_EQ(read.asked.mark, mark());
    EXPECT_EQ(read.plan_fingerprint, reply().plan_fingerprint);
    ASSERT_EQ(read.outputs.size(), 1U);
    EXPECT_EQ(read.outputs[0].components[0].limb(0)[5], 77U);
}

TEST_F(MessagesTest, RefusesTruncationsFlipsAndEachOther) {
    std::vector<std::byte> bytes = request_bytes();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        ASSERT_THROW(read(std::span(bytes).first(length)), FormatError);
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] ^= std::byte{0x10};
        ASSERT_THROW(read(bytes), FormatError) << i;
        bytes[i] ^= std::byte{0x10};
    }
    EXPECT_THAT([&] { read_reply(ckks::MemorySource(bytes), parameters_); },
                ThrowsMessage<FormatError>(HasSubstr("holds 'inference request', but 'inference reply' is needed")));
    EXPECT_THROW(read(reply_bytes()), FormatError);
}

TEST_F(MessagesTest, RefusesARequestWithoutCiphertexts) {
    Request empty = request();
    empty.inputs.clear();
    EXPECT_THROW(read(bytes_of(empty)), FormatError);
    empty.model_fingerprint = "no fingerprint";
    EXPECT_THROW(bytes_of(empty), Error);
}

/// The number of texts in front of their lengths must be what the section's length says, which that of another
/// version's message is not.
TEST_F(MessagesTest, NumberOfTextsIsThatOfTheFieldsLength) {
    const auto refuse = [&](std::string_view kind, std::size_t fingerprints, std::uint64_t texts) {
        const std::vector<std::byte> others(2 * sizeof(std::uint64_t) + sizeof(Mark) + 64 * fingerprints);
        ckks::MemorySink sink;
        ckks::ContainerWriter writer(sink, ckks::make_header(kind, parameters_, "abc", 2));
        writer.section(sizeof texts + others.size(), [&](ckks::SectionWriter& section) {
            section.put<std::uint64_t>(texts);
            section.write(others);
        });
        ckks::write_section(writer, parameters_, request().inputs[0]);
        writer.finish();
        const auto read_it = [&] {
            if (kind == kReplyKind) {
                read_reply(ckks::MemorySource(sink.bytes()), parameters_);
            } else {
                read(sink.bytes());
            }
        };
        EXPECT_THAT(read_it, ThrowsMessage<FormatError>(HasSubstr(texts == 2 ? "hexadecimal" : "another version")));
    };
    for (const std::uint64_t texts : {0UL, 1UL, 2UL, 3UL, 1UL << 61U, ~0UL}) {
        refuse(kRequestKind, 2, texts);
        refuse(kReplyKind, 1, texts);
    }
}

/// Every field of its own wrong; each is refused before the ciphertexts are read.
TEST_F(MessagesTest, JudgesARequestBeforeItReadsItsCiphertexts) {
    const Request sound = request();
    const auto refuse = [&](const std::function<void(Request&)>& change, const std::string& message) {
        Request changed = sound;
        change(changed);
        const std::vector<std::byte> bytes = bytes_of(changed);
        const ckks::testing::CountingSource source(bytes);
        EXPECT_THAT([&] { read_request(source, expected()); }, ThrowsMessage<FormatError>(HasSubstr(message)));
        EXPECT_LT(source.bytes_read(), 1200U) << message;
    };
    ASSERT_GT(request_bytes().size(), 5000U);
    refuse([](Request& r) { r.model_fingerprint = std::string(64, '0'); }, "for model 000000000000");
    refuse([](Request& r) { r.plan_fingerprint = std::string(64, '0'); }, "packed for plan 000000000000");
    refuse([](Request& r) { r.key_fingerprint = "0123"; }, "under key set 0123");
    for (const std::size_t tokens : {std::size_t{0}, std::size_t{1}, std::size_t{5}, ~std::size_t{0}}) {
        // Of any text.
        for (const std::size_t text : {0U, 1U}) {
            refuse(
                [&](Request& r) { r.lengths[text] = tokens; },
                fmt::format("text or image {} of the request has {} tokens; this plan takes 2 to 4", text + 1, tokens));
        }
    }
    refuse([](Request& r) { r.lengths.push_back(2); }, "3 texts or images; this plan takes 1 to 2");
    refuse([](Request& r) { r.lengths.clear(); }, "which is too few");
    refuse([](Request& r) { r.lengths.resize(513, 2); }, "is not what 513 text(s)");
    refuse([](Request& r) { r.inputs.resize(1); }, "1 ciphertexts; this plan takes 2");
    refuse([](Request& r) { r.inputs.push_back(r.inputs.front()); }, "3 ciphertexts; this plan takes 2");
    // The last one, so that one look at the first is not enough.
    refuse(
        [](Request& r) {
            r.inputs.back().level = 1;
            r.inputs.back().b = ckks::RnsPolynomial(1024, 2);
        },
        "has level 1");
    refuse([](Request& r) { r.inputs.back().slots = 256; }, "256 slots");
    refuse([](Request& r) { r.inputs.back().scale *= 1.5; }, "this plan takes level 0, scale 2^");
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    for (const double scale : {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity, 0.0, -1.0, 1e300}) {
        refuse([&](Request& r) { r.inputs.back().scale = scale; }, "scale");
        Request changed = sound;
        changed.inputs.back().scale = scale;
        EXPECT_THROW(check_request_input(expected(), changed.inputs.back()), FormatError) << scale;
    }
}

}  // namespace
}  // namespace polyformer::service
