// What a client accepts as the reply to its request: replies made by hand, with the secret key, and changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/scheme/encoder.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/service/client.h"
#include "polyformer/service/reply_check.h"
#include "polyformer/support/error.h"
#include "tests/compile/small_plan.h"

namespace polyformer::service {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Slots = std::vector<std::vector<std::complex<double>>>;

class ReplyTest : public ::testing::Test {
  protected:
    static constexpr std::size_t kTokens = 5;
    static constexpr std::size_t kRow = 64;  ///< positions of a token: 24 logits, padded to 32, twice

    model::Transformer transformer_ = fixtures::small_transformer(7);
    ClientPlan plan_ = client_plan(compile::compile(transformer_.graph, fixtures::plan_options(1024)));
    ckks::SecretKey secret_ = ckks::SecretKey::generate(plan_.frame.parameters);
    Request request_ = make_request(plan_, secret_, transformer_.embedding,
                                    model::random_tokens(kTokens, transformer_.graph.vocabulary, 3));

    /// Logit v of token t is (t − v) / 32 of the bound; all the rest 0.
    Slots sound_slots() const {
        Slots slots(1, std::vector<std::complex<double>>(512));
        for (std::size_t t = 0; t < kTokens; ++t) {
            for (std::size_t p = 0; p < kRow; ++p) {
                if (p % 32 < 24) slots[0][t * kRow + p] = (static_cast<double>(t) - static_cast<double>(p % 32)) / 32;
            }
        }
        return slots;
    }

    Reply reply_of(const Slots& slots, int level = 0, double factor = 1) const {
        const ckks::Parameters& parameters = plan_.frame.parameters;
        const ckks::Encoder encoder(parameters);
        Reply reply{request_.asked(), plan_.fingerprint, secret_.key_fingerprint(), {}};
        for (const auto& ciphertext : slots) {
            const ckks::Plaintext plaintext = encoder.encode(ciphertext, level, factor * plan_.frame.output_scale());
            reply.outputs.push_back(ckks::encrypt(parameters, secret_, plaintext));
        }
        return reply;
    }

    void refuse(const Reply& reply, const std::string& message, const std::optional<Asked>& asked = std::nullopt) {
        EXPECT_THAT([&] { open_reply(plan_, secret_, reply, asked); }, ThrowsMessage<Error>(HasSubstr(message)));
        const std::filesystem::path path =
            std::filesystem::path(::testing::TempDir()) / fmt::format("reply-{}", getpid());
        save_reply(path, plan_.frame.parameters, reply);
        EXPECT_THAT([&] { load_reply(path, plan_, secret_, asked); }, ThrowsMessage<Error>(HasSubstr(message)));
        std::filesystem::remove(path);
    }
};

TEST_F(ReplyTest, GivesTheLogitsOfItsSlots) {
    const PrivateLogits logits = open_reply(plan_, secret_, reply_of(sound_slots()), request_.asked());
    EXPECT_EQ(logits.images(), 1U);
    EXPECT_EQ(logits.rows(), (std::vector<std::size_t>{kTokens}));
    ASSERT_EQ(logits.vocabulary(), 24U);
    const double bound = plan_.frame.output_bound;
    EXPECT_NEAR(logits.exact_for_data_owner()[3 * 24 + 7], bound * -4 / 32, 1e-3 * bound);
}

TEST_F(ReplyTest, MustBeOfThisPlanKeySetAndRequest) {
    const Reply sound = reply_of(sound_slots());
    Reply changed = sound;
    changed.plan_fingerprint = std::string(64, '0');
    refuse(changed, "another plan (000000000000");
    changed = sound;
    changed.key_fingerprint = std::string(64, '1');
    refuse(changed, "under key set 111111111111");
    changed = sound;
    changed.asked.lengths = {9};
    refuse(changed, "to 9 tokens");
    changed.asked.lengths = {0};
    refuse(changed, "to 0 tokens");
    changed = sound;
    changed.asked.lengths = {kTokens, 1};
    refuse(changed, "to 2 texts or images");
    changed = sound;
    changed.outputs.push_back(changed.outputs.front());
    refuse(changed, "has 2 ciphertexts, the plan's output 1");
    const Request other = make_request(plan_, secret_, transformer_.embedding, std::vector<std::int32_t>(kTokens, 1));
    EXPECT_NE(other.mark, request_.mark);
    refuse(sound, "the reply to another request", other.asked());
    Asked shorter = request_.asked();
    shorter.lengths = {4};
    refuse(sound, "the reply to another request", shorter);
}

TEST_F(ReplyTest, MustHaveTheLevelComponentsSlotsAndScaleOfThePlan) {
    refuse(reply_of(sound_slots(), 3), "level 3, 2 components");
    refuse(reply_of(sound_slots(), 0, 1.25), "scale");
    Reply changed = reply_of(sound_slots());
    changed.outputs[0].components.push_back(changed.outputs[0].components[0]);
    refuse(changed, "3 components");
    changed = reply_of(sound_slots());
    changed.outputs[0].slots = 1;
    refuse(changed, "1 slots");
    for (const double scale : {1e300, std::numeric_limits<double>::quiet_NaN(), 0.0, -1.0}) {
        changed = reply_of(sound_slots());
        changed.outputs[0].scale = scale;
        refuse(changed, "scale");
    }
}

TEST_F(ReplyTest, MustHoldWhatThePlanPromises) {
    const auto check = [&](std::size_t slot, std::complex<double> value) {
        Slots slots = sound_slots();
        slots[0][slot] = value;
        check_slots(plan_, request_.asked(), slots);
        open_reply(plan_, secret_, reply_of(slots), request_.asked());
    };
    const auto refuse_slot = [&](std::size_t slot, std::complex<double> value, const std::string& message) {
        EXPECT_THAT([&] { check(slot, value); },
                    ThrowsMessage<Error>(AllOf(HasSubstr(fmt::format("slot {} of ciphertext 0", slot)),
                                               HasSubstr(message), HasSubstr("outside the intervals"))));
    };
    const std::size_t last = (kTokens - 1) * kRow;
    const double noise = kNoiseSlack * plan_.output_noise / plan_.frame.output_bound;
    ASSERT_LT(noise, 0.1);
    ASSERT_NO_THROW(check(kTokens * kRow, noise / 2));
    refuse_slot(kTokens * kRow, 2 * noise, "should be empty");  // a row that belongs to no token
    refuse_slot(511, -2 * noise, "should be empty");            // the very last
    refuse_slot(24, 2 * noise, "should be empty");              // a position without a logit
    refuse_slot(last, std::complex(4.0 / 32, 2 * noise), "imaginary part");
    refuse_slot(last + 32, 4.0 / 32 + 2 * noise, "differs from its copy");
    refuse_slot(last, 2.5, "holds a logit of");
    refuse_slot(last, -2.5, "holds a logit of");
    Slots slots = sound_slots();
    for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        slots[0][last] = value;
        EXPECT_THROW(check_slots(plan_, request_.asked(), slots), Error);
        slots[0][last] = std::complex(0.0, value);
        EXPECT_THROW(check_slots(plan_, request_.asked(), slots), Error);
    }
}

TEST_F(ReplyTest, RandomResiduesAreRefused) {
    // What another secret key would make of it.
    Reply reply = reply_of(sound_slots());
    reply.outputs[0].components[1] = ckks::expand(plan_.frame.parameters, request_.inputs[0]).components[1];
    reply.outputs[0].components[1] = reply_of(sound_slots()).outputs[0].components[1];
    EXPECT_THROW(open_reply(plan_, secret_, reply), Error);
}

TEST(PrivateLogits, NeitherPrintNorTurnIntoJson) {
    EXPECT_FALSE((std::is_constructible_v<nlohmann::json, PrivateLogits>));
    EXPECT_FALSE((fmt::is_formattable<PrivateLogits>::value));
    EXPECT_FALSE((std::is_convertible_v<PrivateLogits, std::vector<double>>));
}

TEST(PrivateLogits, ShowWholePercentOfTheLastRow) {
    const double e = std::log(2.0);
    const PrivateLogits logits({0, 9, 0, 1, 1, 1, 3 * e, e, 0, 0, -9, 4 * e}, {2, 2}, 3);
    const std::vector<Likely> first = logits.most_likely(0, 2);
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[0].percent, 33);
    const std::vector<Likely> second = logits.most_likely(1, 5);
    ASSERT_EQ(second.size(), 3U);
    EXPECT_EQ(second[0].entry, 2U);
    EXPECT_EQ(second[0].percent, 94);  // 16 of 17
    EXPECT_EQ(second[1].percent, 6);
    EXPECT_EQ(second[2].percent, 0);
    EXPECT_THROW(logits.most_likely(2, 1), Error);
    EXPECT_THROW(PrivateLogits({1, 2}, {1}, 3), Error);
    EXPECT_THROW(PrivateLogits({1, 2, 3}, {1, 0}, 3), Error);
}

TEST(PrivateLogits, TextsHaveRowsOfTheirOwn) {
    const PrivateLogits logits({0, 1, 2, 0, 4, 0, 0, 5}, {1, 3}, 2);
    EXPECT_EQ(logits.images(), 2U);
    EXPECT_EQ(logits.most_likely(0, 1).front().entry, 1U);
    EXPECT_EQ(logits.most_likely(1, 1).front().percent, 99);
}

TEST(PrivateLogits, RoundToAGrid) {
    const PrivateLogits logits({0.3, -0.9, 1.6}, {1}, 3);
    EXPECT_EQ(logits.rounded(0.5), (std::vector<double>{0.5, -1, 1.5}));
    EXPECT_THROW(logits.rounded(0), Error);
    EXPECT_THROW(logits.rounded(std::numeric_limits<double>::quiet_NaN()), Error);
}

}  // namespace
}  // namespace polyformer::service
