#include "polyformer/ckks/files/serialization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "polyformer/support/error.h"
#include "tests/ckks/files/serialization_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

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
    request.add_relinearisation(parameters, 2);
    request.bootstrapping = true;
    request.add_rotation(parameters, 7, 1);
    request.add_rotation(parameters, KeyRole::sparse_to_dense, 9, 0);
    request.add_rotation(parameters, KeyRole::low_rotation, 11, 0);
    const Bytes bytes =
        bytes_of([&](ByteSink& sink) { write_fresh_evaluation_keys(sink, parameters, secret, request); });
    const EvaluationKeys keys = read_evaluation_keys(MemorySource(bytes), parameters);
    EXPECT_EQ(keys.key_fingerprint, secret.key_fingerprint());
    EXPECT_EQ(keys.relinearisation.value().level, 2);
    EXPECT_FALSE(keys.conjugation.has_value());
    EXPECT_EQ(keys.dense_to_sparse.value().level, 0);
    EXPECT_EQ(keys.sparse_to_dense.at(0).level, parameters.max_level());
    EXPECT_EQ(keys.sparse_to_dense.at(9).digit_limbs, parameters.max_level() + 1);
    EXPECT_EQ(keys.low_rotations.at(11).special, low_special_count(parameters));
    ASSERT_EQ(keys.rotations.size(), 1U);
    EXPECT_EQ(keys.rotations.at(7).level, 1);
    EXPECT_EQ(keys.bytes(), request.memory_bytes(parameters));
    // The frame of a container and of six sections is all that the estimate leaves out.
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
    save_secret(path);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(load_secret_key(path, parameters_).key_fingerprint(), secret_.key_fingerprint());
    std::filesystem::remove(path);
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
        EXPECT_THAT([&] { save_secret(directory / "secret.key"); },
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

TEST_F(SerializationTest, WhatAFileSharesOutlivesItsNameAndItsSource) {
    const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "shared";
    Bytes written((3 << 20) + 5);
    for (std::size_t i = 0; i < written.size(); ++i) written[i] = static_cast<std::byte>(i * i >> 7);
    std::vector<SharedBytes> parts;
    std::vector<std::pair<std::size_t, std::size_t>> places{{0, 100}, {4097, 5000}, {12345, 2 << 20}, {5, 3 << 20}};
    {
        FileSink sink(path);
        sink.write(written);
        sink.commit();
        const FileSource source(path);
        for (const auto& [offset, count] : places) parts.push_back(source.share(offset, count));
        EXPECT_THAT([&] { source.share(6, 3 << 20); }, ThrowsMessage<FormatError>(HasSubstr("cut short")));
    }
    std::filesystem::remove(path);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto expected = std::span(written).subspan(places[i].first, places[i].second);
        EXPECT_TRUE(std::ranges::equal(parts[i].span(), expected)) << places[i].first;
    }
}

TEST_F(SerializationTest, WriterHoldsCallersToWhatTheyAnnounced) {
    MemorySink sink;
    EvaluationKeysWriter writer(sink, parameters_, "ab", 1);
    EXPECT_THROW(writer.finish(), Error);
    KeyRequest request;
    request.add_rotation(parameters_, 1, 0);
    const SwitchingKey key = generator_.evaluation_keys(request).rotations.at(1);
    writer.write({KeyRole::rotation, 1}, key);
    EXPECT_NO_THROW(writer.finish());
    EXPECT_THROW(writer.write({KeyRole::rotation, 2}, key), Error);
}

}  // namespace
}  // namespace polyformer::ckks::testing
