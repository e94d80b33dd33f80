// The corpus that make_fuzz_corpus writes, read as it lies in the repository: what a change of format has left behind
// would still be fuzzed, but never get past the first check.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "fuzz/ckks/small_ring.h"
#include "fuzz/plans/tiny_graph.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/compile/plan_files.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::fuzz {
namespace {

const std::filesystem::path kCorpus = POLYFORMER_SOURCE_DIR "/fuzz/corpus";
constexpr const char* kRemedy = "make the corpus anew: make_fuzz_corpus fuzz/corpus (preset sanitizers)";

ckks::FileSource source(const char* name) {
    return ckks::FileSource(kCorpus / name);
}

TEST(FuzzCorpus, KeysAndCiphertextsAreOfTodaysFormats) {
    SCOPED_TRACE(kRemedy);
    const ckks::Parameters& parameters = small_parameters();
    EXPECT_EQ(ckks::read_parameters(source("parameters/small")).fingerprint(), parameters.fingerprint());
    EXPECT_NO_THROW(ckks::read_parameters(source("parameters/bootstrapping")));
    EXPECT_NO_THROW(ckks::read_secret_key(source("secret_key/secret"), parameters));
    EXPECT_EQ(ckks::read_ciphertexts(source("ciphertexts/one"), parameters).size(), 1U);
    EXPECT_EQ(ckks::read_seeded_ciphertexts(source("ciphertexts/seeded"), parameters).size(), 1U);
    EXPECT_NO_THROW(ckks::read_public_key(source("ciphertexts/public_key"), parameters));
    EXPECT_EQ(ckks::read_evaluation_keys(source("evaluation_keys/rotation"), parameters).rotations.count(1), 1U);
}

TEST(FuzzCorpus, ClientPlansAreOfTodaysFormat) {
    SCOPED_TRACE(kRemedy);
    for (const char* name : {"all", "last", "several"}) {
        EXPECT_NO_THROW(service::client_plan_from_json(read_file(kCorpus / "client_plan" / name), name));
    }
}

class FuzzCorpusFolder : public ::testing::TestWithParam<const char*> {
  protected:
    FuzzCorpusFolder()
        : folder_(std::filesystem::path(::testing::TempDir()) / fmt::format("fuzz-corpus-{}", getpid())) {
        std::filesystem::create_directories(folder_);
    }
    ~FuzzCorpusFolder() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path folder_;
};

TEST_P(FuzzCorpusFolder, PlansAreTodays) {
    SCOPED_TRACE(kRemedy);
    model::save_graph(tiny_graph(), folder_);
    std::filesystem::copy_file(kCorpus / "plan" / GetParam(), folder_ / "plan.json");
    EXPECT_NO_THROW(compile::load_plan(folder_));
}

INSTANTIATE_TEST_SUITE_P(Starts, FuzzCorpusFolder, ::testing::Values("leveled", "bootstrapping"));

}  // namespace
}  // namespace polyformer::fuzz
