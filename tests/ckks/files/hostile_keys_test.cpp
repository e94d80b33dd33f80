// Files of evaluation keys that are forged behind valid checksums, under parameters of several special primes: with
// one, every shape is that of its role.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/support/error.h"
#include "tests/ckks/files/counting_source.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Bytes = std::vector<std::byte>;

const Parameters& parameters() {
    static const Parameters kParameters = Parameters::create(presets::insecure_bootstrapping(1024));
    return kParameters;
}

/// A file of keys of these shapes, zero throughout.
Bytes key_file(const std::vector<KeyShape>& shapes) {
    MemorySink sink;
    ContainerWriter writer(sink, make_header(kinds::kEvaluationKeys, parameters(), "ab", shapes.size()));
    for (const KeyShape& shape : shapes) {
        const bool possible = shape.level >= 0 && shape.level <= parameters().max_level() && shape.special >= 0 &&
                              shape.special <= parameters().special_count() && shape.digit_limbs >= 1;
        const std::uint64_t body =
            sizeof(Seed) + (possible ? static_cast<std::uint64_t>(shape.digits()) *
                                           parameters().packed_rows_bytes(shape.level, shape.special)
                                     : 0);
        writer.section(20 + body, [&](SectionWriter& section) {
            section.put(static_cast<std::uint32_t>(shape.id.role));
            section.put(static_cast<std::int32_t>(shape.id.step));
            section.put(static_cast<std::int32_t>(shape.level));
            section.put(static_cast<std::int32_t>(shape.special));
            section.put(static_cast<std::int32_t>(shape.digit_limbs));
            section.write(Bytes(body));
        });
    }
    return {sink.bytes().begin(), sink.bytes().end()};
}

KeyShape rotation(int step, int level) {
    return key_shape(parameters(), {KeyRole::rotation, step}, level);
}

/// Of a file whose keys are refused: no more than its header and a few words of each key have been read.
void expect_refusal(const std::vector<KeyShape>& shapes, const std::string& message,
                    const std::function<void(const EvaluationKeysReader&)>& judge = {}) {
    const Bytes bytes = key_file(shapes);
    const CountingSource source(bytes);
    EXPECT_THAT(
        [&] {
            const EvaluationKeysReader reader(source, parameters());
            if (judge) judge(reader);
        },
        ThrowsMessage<FormatError>(HasSubstr(message)));
    EXPECT_LT(source.bytes_read(), 1000 + 100 * shapes.size());
}

TEST(HostileKeys, AreRefusedInAnyShapeButThatOfTheirRole) {
    ASSERT_EQ(parameters().special_count(), 8);
    ASSERT_NO_THROW(read_evaluation_keys(MemorySource(key_file({rotation(1, 3)})), parameters()));
    for (const KeyRole role : {KeyRole::relinearisation, KeyRole::conjugation, KeyRole::rotation}) {
        const KeyId id{role, role == KeyRole::rotation ? 1 : 0};
        for (const auto& [special, limbs] : {std::pair(1, 1), std::pair(7, 7), std::pair(4, 2), std::pair(8, 1),
                                             std::pair(8, 4), std::pair(8, 7), std::pair(1, 8)}) {
            expect_refusal({{id, 9, special, limbs}},
                           fmt::format("the {} key has level 9, {} special primes and digits of {} limbs; a key of its "
                                       "role has level 9, 8 special primes and digits of 8 limbs",
                                       describe(id), special, limbs));
        }
    }
    const int top = parameters().max_level();
    expect_refusal({{{KeyRole::dense_to_sparse}, 0, 8, 8}}, "1 special primes and digits of 1 limbs");
    expect_refusal({{{KeyRole::dense_to_sparse}, top, 1, 1}}, "a key of its role has level 0");
    const std::string raised = fmt::format("2 special primes and digits of {} limbs", top + 1);
    expect_refusal({{{KeyRole::sparse_to_dense}, 0, 8, 8}}, fmt::format("a key of its role has level {}", top));
    expect_refusal({{{KeyRole::sparse_to_dense}, top, 1, 1}}, raised);
    expect_refusal({{{KeyRole::sparse_to_dense, 3}, top, 8, 8}}, raised);
    expect_refusal({{{KeyRole::low_rotation, 3}, 2, 8, 8}}, "a key of its role has level 2, 3 special primes");
    expect_refusal({{{KeyRole::low_rotation, 3}, top, 3, 3}}, "a key of its role has level 2, 3 special primes");
}

TEST(HostileKeys, AreRefusedWithFieldsThatCannotBe) {
    const KeyShape sound = rotation(1, 0);
    const auto with = [&](const std::function<void(KeyShape&)>& change) {
        KeyShape changed = sound;
        change(changed);
        return std::vector{changed};
    };
    expect_refusal({sound, sound}, "a second rotation by 1 key");
    expect_refusal(with([](KeyShape& s) { s.id.role = static_cast<KeyRole>(17); }), "unknown key role 17");
    expect_refusal(with([](KeyShape& s) { s.id.step = 512; }), "rotation step 512");
    expect_refusal(with([](KeyShape& s) { s.id.step = 0; }), "rotation step 0");
    expect_refusal(with([](KeyShape& s) { s.id.step = -1; }), "rotation step -1");
    expect_refusal(with([](KeyShape& s) { s.id.role = KeyRole::relinearisation; }), "rotation step 1");
    expect_refusal(with([](KeyShape& s) { s.id = {KeyRole::low_rotation, 0}; }), "rotation step 0");
    expect_refusal(with([](KeyShape& s) { s.id = {KeyRole::sparse_to_dense, 512}; }), "rotation step 512");
    expect_refusal(with([](KeyShape& s) { s.level = -1; }), "level -1");
    expect_refusal(with([](KeyShape& s) { s.level = parameters().max_level() + 1; }), "outside the parameters'");
    expect_refusal(with([](KeyShape& s) { s.special = 0; }), "0 special primes");
    expect_refusal(with([](KeyShape& s) { s.special = 9; }), "9 special primes");
    expect_refusal(with([](KeyShape& s) { s.special = -1; }), "-1 special primes");
    expect_refusal(with([](KeyShape& s) { s.digit_limbs = 0; }), "digits of 0 limbs");
    expect_refusal(with([](KeyShape& s) { s.digit_limbs = std::numeric_limits<int>::min(); }), "digits of -");
}

TEST(HostileKeys, AreRefusedUnlessTheyAreExactlyTheOnesWanted) {
    KeyRequest wanted;
    wanted.add_relinearisation(parameters(), 2);
    wanted.add_rotation(parameters(), 1, 3);
    wanted.bootstrapping = true;
    wanted.add_rotation(parameters(), KeyRole::sparse_to_dense, 3, 0);
    wanted.add_rotation(parameters(), KeyRole::low_rotation, 3, 0);
    const std::vector<KeyShape> keys = wanted.keys(parameters());
    const auto judge = [&](const EvaluationKeysReader& reader) { reader.expect(wanted); };
    {
        const Bytes bytes = key_file(keys);
        const MemorySource source(bytes);
        const EvaluationKeysReader reader(source, parameters());
        ASSERT_NO_THROW(judge(reader));
        EXPECT_EQ(reader.key_fingerprint(), "ab");
        EXPECT_EQ(reader.read().shapes(), keys);
    }
    const std::string remedy = "Make new keys with this plan's client.json";
    for (std::size_t i = 0; i < keys.size(); ++i) {
        std::vector<KeyShape> fewer = keys;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        expect_refusal(fewer,
                       fmt::format("1 of which differ: {} at level {} is missing. {}", describe(keys[i].id),
                                   keys[i].level, remedy),
                       judge);
    }
    std::vector<KeyShape> more = keys;
    more.push_back(rotation(7, 1));
    expect_refusal(more, "rotation by 7 at level 1 is not asked for. " + remedy, judge);
    for (const int level : {2, 4}) {
        std::vector<KeyShape> other = keys;
        std::ranges::find(other, rotation(1, 3))->level = level;
        expect_refusal(other, fmt::format("rotation by 1 is there for level {} instead of 3. {}", level, remedy),
                       judge);
    }
}

TEST(HostileKeys, OfBootstrappingAreRefusedWhereThereIsNone) {
    ParametersLiteral literal = presets::insecure_bootstrapping(1024);
    literal.bootstrapping.reset();
    const Parameters others = Parameters::create(literal);
    MemorySink sink;
    ContainerWriter writer(sink, make_header(kinds::kEvaluationKeys, others, "ab", 1));
    writer.section(20, [](SectionWriter& section) {
        for (const std::int32_t field : {2, 0, 0, 1, 1}) section.put(field);
    });
    EXPECT_THAT([&] { read_evaluation_keys(MemorySource(sink.bytes()), others); },
                ThrowsMessage<FormatError>(HasSubstr("these parameters have no bootstrapping")));
}

TEST(HostileKeys, AreNotWrittenEither) {
    SwitchingKey key{0, 1, 1, {}, {}};
    key.b.emplace_back(1024, parameters().row_bits(0, 1), [](std::size_t, auto) {});
    MemorySink sink;
    EvaluationKeysWriter writer(sink, parameters(), "ab", 1);
    EXPECT_THAT(
        [&] {
            writer.write({KeyRole::rotation, 1}, key);
        },
        ThrowsMessage<Error>(HasSubstr("the rotation by 1 key has level 0, 1 special primes")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
