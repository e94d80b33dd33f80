// Files that are damaged, of another kind, or forged behind valid checksums.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "polyformer/ckks/files/container.h"
#include "polyformer/support/error.h"
#include "tests/ckks/files/serialization_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST_F(SerializationTest, RefusesEveryTruncationAndAnythingAppended) {
    for (const Kind& kind : kinds()) {
        for (std::size_t length = 0; length < kind.bytes.size(); ++length) {
            ASSERT_THROW(kind.read(MemorySource(std::span(kind.bytes).first(length))), FormatError)
                << kind.name << " of " << length << " bytes";
        }
        Bytes longer = kind.bytes;
        longer.push_back(std::byte{0});
        EXPECT_THAT([&] { kind.read(MemorySource(longer, "long.bin")); },
                    ThrowsMessage<FormatError>(AllOf(HasSubstr("long.bin"), HasSubstr("1 bytes behind its end"))));
    }
}

TEST_F(SerializationTest, RefusesEveryFlippedByte) {
    std::mt19937 random(2);
    for (const Kind& kind : kinds()) {
        ASSERT_NO_THROW(kind.read(MemorySource(kind.bytes))) << kind.name;
        Bytes flipped = kind.bytes;
        for (std::size_t i = 0; i < flipped.size(); ++i) {
            flipped[i] ^= std::byte{1} << static_cast<int>(random() % 8);
            ASSERT_THROW(kind.read(MemorySource(flipped)), FormatError) << kind.name << ", byte " << i;
            flipped[i] = kind.bytes[i];
        }
    }
}

TEST_F(SerializationTest, RefusesOtherKindsNamingBoth) {
    const std::vector<Kind> all = kinds();
    for (const Kind& reader : all) {
        for (const Kind& file : all) {
            if (reader.name == file.name) continue;
            EXPECT_THAT([&] { reader.read(MemorySource(file.bytes, "file.bin")); },
                        ThrowsMessage<FormatError>(AllOf(HasSubstr("file.bin"), HasSubstr("'" + reader.name + "'"),
                                                         HasSubstr("'" + file.name + "'"))));
        }
    }
    const std::string text = "an entirely different file, such as a text";
    EXPECT_THAT([&] { read_parameters(MemorySource(std::as_bytes(std::span(text)), "note.txt")); },
                ThrowsMessage<FormatError>(HasSubstr("'note.txt' is no file of Polyformer")));
    EXPECT_THAT([&] { read_parameters(FileSource("no-such-file")); },
                ThrowsMessage<IoError>(HasSubstr("no-such-file")));
}

TEST_F(SerializationTest, RefusesOtherParametersDescribingBoth) {
    ParametersLiteral literal = small_literal();
    literal.working_levels = 3;
    const Parameters others = Parameters::create(literal);
    EXPECT_THAT([&] { read_ciphertexts(MemorySource(ciphertexts_bytes()), others); },
                ThrowsMessage<FormatError>(AllOf(HasSubstr("other parameters"), HasSubstr("2 working levels"),
                                                 HasSubstr("3 working levels"))));
    EXPECT_THROW(read_public_key(MemorySource(public_key_bytes()), others), FormatError);
    EXPECT_THROW(read_secret_key(MemorySource(secret_key_bytes()), others), FormatError);
    EXPECT_THROW(read_evaluation_keys(MemorySource(evaluation_keys_bytes()), others), FormatError);
}

TEST_F(SerializationTest, RefusesToMixKeySets) {
    const SecretKey other = SecretKey::generate(parameters_);
    const std::vector<Ciphertext> mixed = {encrypt(parameters_, secret_, plaintext(0)),
                                           encrypt(parameters_, other, plaintext(0))};
    MemorySink sink;
    EXPECT_THROW(write_ciphertexts(sink, parameters_, mixed), Error);
}

/// A ciphertext's fields with valid checksums around them, however wrong they are.
struct ForgedCiphertext {
    std::int32_t level = 0;
    std::uint32_t components = 2;
    double scale = 1 << 20;
    std::uint64_t slots = 4;
    std::byte fill{0};
};

TEST_F(SerializationTest, RefusesForgedFieldsBehindValidChecksums) {
    const std::uint64_t residue_bytes = 2 * parameters_.packed_rows_bytes(0, 0);
    const auto read_forged = [&](const ForgedCiphertext& forged) {
        const Bytes bytes = bytes_of([&](ByteSink& sink) {
            ContainerWriter writer(sink, make_header(kinds::kCiphertexts, parameters_, "ab", 1));
            writer.section(24 + residue_bytes, [&](SectionWriter& section) {
                section.put(forged.level);
                section.put(forged.components);
                section.put(forged.scale);
                section.put(forged.slots);
                section.write(Bytes(residue_bytes, forged.fill));
            });
        });
        read_ciphertexts(MemorySource(bytes), parameters_);
    };
    ASSERT_NO_THROW(read_forged({}));
    EXPECT_THAT([&] { read_forged({.level = 3}); }, ThrowsMessage<FormatError>(HasSubstr("level 3 is outside")));
    EXPECT_THAT([&] { read_forged({.level = -1}); }, ThrowsMessage<FormatError>(HasSubstr("level -1 is outside")));
    EXPECT_THROW(read_forged({.level = std::numeric_limits<std::int32_t>::max()}), FormatError);
    EXPECT_THROW(read_forged({.level = 1}), FormatError) << "longer than the section";
    EXPECT_THROW(read_forged({.components = 1}), FormatError);
    EXPECT_THROW(read_forged({.components = std::numeric_limits<std::uint32_t>::max()}), FormatError);
    EXPECT_THROW(read_forged({.scale = 0}), FormatError);
    EXPECT_THROW(read_forged({.scale = std::numeric_limits<double>::quiet_NaN()}), FormatError);
    EXPECT_THROW(read_forged({.scale = std::numeric_limits<double>::infinity()}), FormatError);
    EXPECT_THROW(read_forged({.scale = 1e30}), FormatError);
    EXPECT_THROW(read_forged({.slots = 3}), FormatError);
    EXPECT_THROW(read_forged({.slots = 0}), FormatError);
    EXPECT_THROW(read_forged({.slots = 1024}), FormatError);
    EXPECT_THAT([&] { read_forged({.fill = std::byte{0xff}}); },
                ThrowsMessage<FormatError>(HasSubstr("not below its prime")));
}

TEST_F(SerializationTest, RefusesAPublicKeyBelowTheWorkingLevel) {
    const Bytes bytes = bytes_of([&](ByteSink& sink) {
        ContainerWriter writer(sink, make_header(kinds::kPublicKey, parameters_, "ab", 1));
        const std::uint64_t rows_bytes = parameters_.packed_rows_bytes(0, 0);
        writer.section(4 + sizeof(Seed) + rows_bytes, [&](SectionWriter& section) {
            section.put<std::int32_t>(0);
            section.write(Bytes(sizeof(Seed) + rows_bytes));
        });
    });
    EXPECT_THAT([&] { read_public_key(MemorySource(bytes), parameters_); },
                ThrowsMessage<FormatError>(HasSubstr("a public key at level 0; expected 2")));
    PublicKey low = generator_.public_key();
    low.a = RnsPolynomial(1024, 1);
    EXPECT_THAT([&] { encrypt(parameters_, low, plaintext(1)); },
                ThrowsMessage<Error>(HasSubstr("a public key of 1 limbs")));
}

TEST_F(SerializationTest, RefusesForgedCountsWithoutAllocating) {
    const auto with_sections = [&](std::uint64_t count) {
        return bytes_of(
            [&](ByteSink& sink) { ContainerWriter(sink, make_header(kinds::kCiphertexts, parameters_, "ab", count)); });
    };
    for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{1} << 20, std::uint64_t{1} << 63}) {
        EXPECT_THROW(read_ciphertexts(MemorySource(with_sections(count)), parameters_), FormatError) << count;
    }
    // One section, whose length would reach far beyond the file.
    Bytes bytes = with_sections(1);
    for (int i = 0; i < 7; ++i) bytes.push_back(std::byte{0xff});
    bytes.insert(bytes.end(), 64, std::byte{0x7f});
    EXPECT_THAT([&] { read_ciphertexts(MemorySource(bytes), parameters_); },
                ThrowsMessage<FormatError>(HasSubstr("cut short")));
    // A secret with a coefficient that is not ternary.
    const Bytes secret = bytes_of([&](ByteSink& sink) {
        ContainerWriter writer(sink, make_header(kinds::kSecretKey, parameters_, "ab", 1));
        writer.section(1024, [](SectionWriter& section) { section.write(Bytes(1024, std::byte{2})); });
    });
    EXPECT_THROW(read_secret_key(MemorySource(secret), parameters_), FormatError);
}

}  // namespace
}  // namespace polyformer::ckks::testing
