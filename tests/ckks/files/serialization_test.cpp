#include "polyformer/ckks/files/serialization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <limits>
#include <random>

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/ckks/files/rns_serialization.h"
#include "polyformer/ckks/ring/residue_packing.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Throws;
using ::testing::ThrowsMessage;

using Bytes = std::vector<std::byte>;

ParametersLiteral small_literal() {
    ParametersLiteral literal;
    literal.ring_dimension = 1024;
    literal.base_prime_bits = 34;
    literal.scale_bits = 30;
    literal.working_levels = 2;
    literal.special_prime_bits = 36;
    literal.special_primes = 1;
    literal.security = Security::insecure;
    return literal;
}

RnsPolynomial copy(const RnsPolynomial& polynomial) {
    return polynomial;
}

bool equal(const RnsPolynomial& a, const RnsPolynomial& b) {
    if (a.limbs() != b.limbs() || a.ring_dimension() != b.ring_dimension()) return false;
    for (std::size_t i = 0; i < a.limbs(); ++i) {
        if (!std::ranges::equal(a.limb(i), b.limb(i))) return false;
    }
    return true;
}

bool equal(const SwitchingKey& a, const SwitchingKey& b) {
    const auto same = [](const RnsPolynomial& x, const RnsPolynomial& y) { return equal(x, y); };
    return a.level == b.level && a.special == b.special && a.digit_limbs == b.digit_limbs && a.seed == b.seed &&
           std::ranges::equal(a.b, b.b, same);
}

/// One key set in a small ring, and each object as bytes.
class SerializationTest : public ::testing::Test {
  protected:
    Parameters parameters_ = Parameters::create(small_literal());
    SecretKey secret_ = SecretKey::generate(parameters_);
    KeyGenerator generator_{parameters_, secret_};
    Encoder encoder_{parameters_};

    Plaintext plaintext(int level) const {
        const std::vector<double> values = {0.5, -0.25, 0.125, 1};
        return encoder_.encode(std::span<const double>(values), level, parameters_.scale(level));
    }
    std::vector<Ciphertext> ciphertexts() const {
        return {encrypt(parameters_, secret_, plaintext(0), 4), encrypt(parameters_, secret_, plaintext(1), 4)};
    }
    std::vector<SeededCiphertext> seeded_ciphertexts() const {
        return {encrypt_seeded(parameters_, secret_, plaintext(1), 4)};
    }
    KeyRequest small_request() const {
        KeyRequest request;
        request.relinearisation_level = 1;
        request.add_rotation(parameters_, 3, 0);
        request.add_rotation(parameters_, -1, 2);
        request.conjugation = true;
        request.conjugation_level = 0;
        return request;
    }

    template <class Write>
    static Bytes bytes_of(Write write) {
        MemorySink sink;
        write(sink);
        return {sink.bytes().begin(), sink.bytes().end()};
    }
    Bytes parameters_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_parameters(sink, parameters_); });
    }
    Bytes public_key_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_public_key(sink, parameters_, generator_.public_key()); });
    }
    Bytes secret_key_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_secret_key(sink, parameters_, secret_); });
    }
    Bytes ciphertexts_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_ciphertexts(sink, parameters_, ciphertexts()); });
    }
    Bytes seeded_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_seeded_ciphertexts(sink, parameters_, seeded_ciphertexts()); });
    }
    Bytes evaluation_keys_bytes() const {
        KeyRequest request;
        request.relinearisation = false;
        request.add_rotation(parameters_, 5, 0);
        return bytes_of(
            [&](ByteSink& sink) { write_evaluation_keys(sink, parameters_, generator_.evaluation_keys(request)); });
    }

    struct Kind {
        std::string name;
        Bytes bytes;
        std::function<void(const ByteSource&)> read;
    };
    /// Every kind of file with its reader.
    std::vector<Kind> kinds() const {
        return {
            {"parameters", parameters_bytes(), [](const ByteSource& s) { read_parameters(s); }},
            {"public key", public_key_bytes(), [&](const ByteSource& s) { read_public_key(s, parameters_); }},
            {"secret key", secret_key_bytes(), [&](const ByteSource& s) { read_secret_key(s, parameters_); }},
            {"ciphertexts", ciphertexts_bytes(), [&](const ByteSource& s) { read_ciphertexts(s, parameters_); }},
            {"seeded ciphertexts", seeded_bytes(),
             [&](const ByteSource& s) { read_seeded_ciphertexts(s, parameters_); }},
            {"evaluation keys", evaluation_keys_bytes(),
             [&](const ByteSource& s) { read_evaluation_keys(s, parameters_); }},
        };
    }
};

TEST(ResiduePackingTest, RoundTripsEveryWidth) {
    std::mt19937_64 random(1);
    for (int bits = 21; bits <= 56; ++bits) {
        for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{1024}}) {
            const std::uint64_t modulus = (std::uint64_t{1} << bits) - 3;
            std::vector<std::uint64_t> residues(count);
            for (std::uint64_t& residue : residues) residue = random() % modulus;
            residues.back() = modulus - 1;
            Bytes packed(packed_bytes(count, bits));
            pack_residues(residues, bits, packed);
            std::vector<std::uint64_t> unpacked(count);
            EXPECT_TRUE(unpack_residues(packed, bits, modulus, unpacked)) << bits << " bits, " << count;
            EXPECT_EQ(unpacked, residues) << bits << " bits, " << count;
            EXPECT_FALSE(unpack_residues(packed, bits, modulus - 1, unpacked)) << "a residue equal to the modulus";
        }
    }
}

TEST(ResiduePackingTest, RefusesPaddingBits) {
    const std::vector<std::uint64_t> residues = {1, 2, 3};
    Bytes packed(packed_bytes(3, 21));  // 63 bits
    pack_residues(residues, 21, packed);
    std::vector<std::uint64_t> unpacked(3);
    ASSERT_TRUE(unpack_residues(packed, 21, 1 << 20, unpacked));
    packed.back() |= std::byte{0x80};
    EXPECT_FALSE(unpack_residues(packed, 21, 1 << 20, unpacked));
}

TEST_F(SerializationTest, RoundTripsParameters) {
    const Bytes bytes = parameters_bytes();
    EXPECT_EQ(read_parameters(MemorySource(bytes)), parameters_);
    ParametersLiteral literal = presets::insecure_bootstrapping(1024);
    literal.bootstrapping->cosine_degree = 63;
    const Parameters with_bootstrapping = Parameters::create(literal);
    const Bytes more = bytes_of([&](ByteSink& sink) { write_parameters(sink, with_bootstrapping); });
    const Parameters read = read_parameters(MemorySource(more));
    EXPECT_EQ(read, with_bootstrapping);
    EXPECT_EQ(read.literal().bootstrapping->cosine_degree, 63);
}

TEST_F(SerializationTest, RoundTripsPublicKey) {
    const PublicKey key = generator_.public_key();
    const Bytes bytes = bytes_of([&](ByteSink& sink) { write_public_key(sink, parameters_, key); });
    const PublicKey read = read_public_key(MemorySource(bytes), parameters_);
    EXPECT_TRUE(equal(read.b, key.b));
    EXPECT_TRUE(equal(read.a, key.a));
    EXPECT_EQ(read.key_fingerprint, key.key_fingerprint);
    EXPECT_EQ(read.parameters_fingerprint, key.parameters_fingerprint);
}

TEST_F(SerializationTest, RoundTripsCiphertexts) {
    const std::vector<Ciphertext> written = ciphertexts();
    const Bytes bytes = bytes_of([&](ByteSink& sink) { write_ciphertexts(sink, parameters_, written); });
    const std::vector<Ciphertext> read = read_ciphertexts(MemorySource(bytes), parameters_);
    ASSERT_EQ(read.size(), written.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
        EXPECT_EQ(read[i].level, written[i].level);
        EXPECT_EQ(read[i].scale, written[i].scale);
        EXPECT_EQ(read[i].slots, written[i].slots);
        EXPECT_EQ(read[i].key_fingerprint, secret_.key_fingerprint());
        ASSERT_EQ(read[i].components.size(), 2U);
        EXPECT_TRUE(equal(read[i].components[0], written[i].components[0]));
        EXPECT_TRUE(equal(read[i].components[1], written[i].components[1]));
    }
    EXPECT_TRUE(
        read_ciphertexts(MemorySource(bytes_of([&](ByteSink& sink) { write_ciphertexts(sink, parameters_, {}); })),
                         parameters_)
            .empty());
}

TEST_F(SerializationTest, SeededCiphertextsStandForTheSameCiphertexts) {
    const SeededCiphertext written = seeded_ciphertexts().front();
    const Bytes bytes = bytes_of([&](ByteSink& sink) { write_seeded_ciphertexts(sink, parameters_, {{written}}); });
    const std::vector<SeededCiphertext> read = read_seeded_ciphertexts(MemorySource(bytes), parameters_);
    ASSERT_EQ(read.size(), 1U);
    const Ciphertext expected = expand(parameters_, written);
    const Ciphertext found = expand(parameters_, read.front());
    EXPECT_EQ(found.scale, expected.scale);
    EXPECT_EQ(found.slots, expected.slots);
    EXPECT_TRUE(equal(found.components[0], expected.components[0]));
    EXPECT_TRUE(equal(found.components[1], expected.components[1]));
}

TEST_F(SerializationTest, RoundTripsEvaluationKeys) {
    const EvaluationKeys keys = generator_.evaluation_keys(small_request());
    const Bytes bytes = bytes_of([&](ByteSink& sink) { write_evaluation_keys(sink, parameters_, keys); });
    double share = 0;
    const EvaluationKeys read =
        read_evaluation_keys(MemorySource(bytes), parameters_, {}, [&](double done) { share = done; });
    EXPECT_EQ(share, 1);
    EXPECT_EQ(read.key_fingerprint, keys.key_fingerprint);
    EXPECT_EQ(read.parameters_fingerprint, keys.parameters_fingerprint);
    EXPECT_TRUE(equal(read.relinearisation.value(), keys.relinearisation.value()));
    EXPECT_TRUE(equal(read.conjugation.value(), keys.conjugation.value()));
    EXPECT_FALSE(read.dense_to_sparse.has_value());
    ASSERT_EQ(read.rotations.size(), 2U);
    for (const auto& [step, key] : keys.rotations) EXPECT_TRUE(equal(read.rotations.at(step), key)) << step;
    EXPECT_EQ(read.bytes(), keys.bytes());
}

TEST_F(SerializationTest, GeneratesEvaluationKeysOneByOne) {
    const Parameters parameters = Parameters::create(presets::insecure_bootstrapping(1024));
    const SecretKey secret = SecretKey::generate(parameters);
    KeyRequest request;
    request.relinearisation_level = 2;
    request.bootstrapping = true;
    request.add_rotation(parameters, 7, 1);
    const Bytes bytes =
        bytes_of([&](ByteSink& sink) { write_fresh_evaluation_keys(sink, parameters, secret, request); });
    const EvaluationKeys keys = read_evaluation_keys(MemorySource(bytes), parameters);
    EXPECT_EQ(keys.key_fingerprint, secret.key_fingerprint());
    EXPECT_EQ(keys.relinearisation.value().level, 2);
    EXPECT_FALSE(keys.conjugation.has_value());
    EXPECT_EQ(keys.dense_to_sparse.value().level, 0);
    EXPECT_EQ(keys.sparse_to_dense.value().level, parameters.max_level());
    ASSERT_EQ(keys.rotations.size(), 1U);
    EXPECT_EQ(keys.rotations.at(7).level, 1);
    EXPECT_EQ(keys.bytes(), request.memory_bytes(parameters));
    // The frame of a container and of four sections is all that the estimate leaves out.
    EXPECT_GE(bytes.size(), request.file_bytes(parameters));
    EXPECT_LE(bytes.size(), request.file_bytes(parameters) + 1024);
}

TEST_F(SerializationTest, RoundTripsSecretKey) {
    const Bytes bytes = secret_key_bytes();
    const SecretKey read = read_secret_key(MemorySource(bytes), parameters_);
    EXPECT_TRUE(std::ranges::equal(read.coefficients(), secret_.coefficients()));
    EXPECT_TRUE(equal(read.evaluations(), copy(secret_.evaluations())));
    EXPECT_EQ(read.key_fingerprint(), secret_.key_fingerprint());
}

TEST_F(SerializationTest, SecretKeyFileIsTheOwnersAlone) {
    const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "secret.key";
    save_secret_key(path, parameters_, secret_);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(load_secret_key(path, parameters_).key_fingerprint(), secret_.key_fingerprint());
    std::filesystem::remove(path);
}

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
    const std::vector<Ciphertext> mixed = {encrypt(parameters_, secret_, plaintext(0), 4),
                                           encrypt(parameters_, other, plaintext(0), 4)};
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
    const std::uint64_t residue_bytes = 2 * packed_rows_bytes(parameters_, 0, 0);
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

struct ForgedKey {
    std::uint32_t role = static_cast<std::uint32_t>(KeyRole::rotation);
    std::int32_t step = 1;
    std::int32_t level = 0;
    std::int32_t special = 1;
    std::int32_t digit_limbs = 1;
};

TEST_F(SerializationTest, RefusesForgedKeysBehindValidChecksums) {
    const std::uint64_t rows_bytes = packed_rows_bytes(parameters_, 0, 1);
    const auto read_forged = [&](const std::vector<ForgedKey>& forged) {
        const Bytes bytes = bytes_of([&](ByteSink& sink) {
            ContainerWriter writer(sink, make_header(kinds::kEvaluationKeys, parameters_, "ab", forged.size()));
            for (const ForgedKey& key : forged) {
                writer.section(20 + sizeof(Seed) + rows_bytes, [&](SectionWriter& section) {
                    section.put(key.role);
                    section.put(key.step);
                    section.put(key.level);
                    section.put(key.special);
                    section.put(key.digit_limbs);
                    section.write(Bytes(sizeof(Seed) + rows_bytes));
                });
            }
        });
        read_evaluation_keys(MemorySource(bytes), parameters_);
    };
    ASSERT_NO_THROW(read_forged({{}, {.step = 2}}));
    EXPECT_THAT([&] { read_forged({{}, {}}); }, ThrowsMessage<FormatError>(HasSubstr("a second key")));
    EXPECT_THROW(read_forged({{.role = 17}}), FormatError);
    EXPECT_THAT([&] { read_forged({{.step = 512}}); }, ThrowsMessage<FormatError>(HasSubstr("rotation step 512")));
    EXPECT_THROW(read_forged({{.step = 0}}), FormatError);
    EXPECT_THROW(read_forged({{.step = -1}}), FormatError);
    EXPECT_THROW(read_forged({{.role = 0, .step = 1}}), FormatError);
    EXPECT_THROW(read_forged({{.level = 3}}), FormatError);
    EXPECT_THROW(read_forged({{.level = 1}}), FormatError);
    EXPECT_THROW(read_forged({{.special = 0}}), FormatError);
    EXPECT_THROW(read_forged({{.special = 2}}), FormatError);
    EXPECT_THROW(read_forged({{.digit_limbs = 0}}), FormatError);
    EXPECT_THROW(read_forged({{.digit_limbs = 2}}), FormatError);
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

/// Lets files of this process grow to `bytes` only, as on a full disk.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    FileSizeLimit(FileSizeLimit&&) = delete;
    FileSizeLimit& operator=(FileSizeLimit&&) = delete;

  private:
    rlimit before_{};
    void (*handler_)(int);
};

TEST_F(SerializationTest, FullDiskLeavesNothingBehind) {
    const std::filesystem::path directory = std::filesystem::path(::testing::TempDir()) / "full-disk";
    std::filesystem::remove_all(directory);
    std::filesystem::create_directory(directory);
    {
        const FileSizeLimit limit(500);
        EXPECT_THAT([&] { save_secret_key(directory / "secret.key", parameters_, secret_); },
                    ThrowsMessage<IoError>(AllOf(HasSubstr("secret.key"), HasSubstr("free some space"))));
        EXPECT_THROW(
            {
                FileSink sink(directory / "server.keys");
                write_fresh_evaluation_keys(sink, parameters_, secret_, small_request());
                sink.commit();
            },
            IoError);
    }
    EXPECT_TRUE(std::filesystem::is_empty(directory));
    std::filesystem::remove_all(directory);
}

TEST_F(SerializationTest, WriterHoldsCallersToWhatTheyAnnounced) {
    MemorySink sink;
    EvaluationKeysWriter writer(sink, parameters_, "ab", 1);
    EXPECT_THROW(writer.finish(), Error);
    const SwitchingKey key = generator_.rotation_key(1, 0);
    writer.write(KeyRole::rotation, 1, key);
    EXPECT_NO_THROW(writer.finish());
    EXPECT_THROW(writer.write(KeyRole::rotation, 2, key), Error);
}

}  // namespace
}  // namespace polyformer::ckks
