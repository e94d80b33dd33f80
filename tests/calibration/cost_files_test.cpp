#include "polyformer/calibration/cost_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "polyformer/calibration/machine.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::calibration {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// A cache of its own, in which costs of this machine may be put; nothing measures.
class CostFiles : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = std::filesystem::path(testing::TempDir()) /
                  (std::string("polyformer_costs_") + testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::remove_all(folder_);
        setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
    }
    void TearDown() override {
        unsetenv("XDG_CACHE_HOME");
        std::filesystem::remove_all(folder_);
    }

    static compile::CostModel own_costs() {
        compile::CostModel costs;
        costs.ntt = 1.0 / 3;
        costs.threads = static_cast<double>(thread_count());
        costs.machine = this_machine();
        return costs;
    }
    static void put_into_cache(const compile::CostModel& costs) {
        make_directory(cache_file()->parent_path());
        save_costs(*cache_file(), costs);
    }
    /// The notes of kept_costs() for what is in the cache.
    static std::vector<std::string> notes_on_cache() {
        std::vector<std::string> notes;
        EXPECT_FALSE(kept_costs({.note = [&](const std::string& line) { notes.push_back(line); }}));
        return notes;
    }

    std::filesystem::path folder_;
};

TEST_F(CostFiles, ComeBackAsTheyWere) {
    EXPECT_FALSE(kept_costs({}));
    put_into_cache(own_costs());
    EXPECT_EQ(kept_costs({}), own_costs());
    EXPECT_EQ(choose_costs("measured", {}), own_costs());
    EXPECT_EQ(choose_costs(cache_file()->string(), {}), own_costs());
}

TEST_F(CostFiles, BuiltInCostsAreTheSameWhateverTheCacheHolds) {
    put_into_cache(own_costs());
    compile::CostModel expected;
    expected.threads = static_cast<double>(thread_count());
    EXPECT_EQ(choose_costs("builtin", {}), expected);
}

TEST_F(CostFiles, OfAnotherMachineOrThreadNumberAreNotTaken) {
    compile::CostModel costs = own_costs();
    costs.machine.kernels = "abacus";
    put_into_cache(costs);
    EXPECT_THAT(notes_on_cache(), testing::ElementsAre(AllOf(HasSubstr("abacus"), HasSubstr("anew"))));
    costs = own_costs();
    costs.threads += 1;
    put_into_cache(costs);
    EXPECT_THAT(notes_on_cache(), testing::SizeIs(1));
    const std::filesystem::path file = *cache_file();
    const std::size_t threads = thread_count();
    set_thread_count(threads + 1);
    EXPECT_NE(cache_file(), file);
    set_thread_count(threads);
}

TEST_F(CostFiles, DamagedOrForeignOnesAreMeasuredAnewInTheCacheAndRefusedByName) {
    put_into_cache(own_costs());
    const std::filesystem::path file = *cache_file();
    const std::string good = read_file(file);
    const auto replaced = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        const std::size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    for (const std::string& bad :
         {good.substr(0, good.size() / 2), std::string(), std::string("[]"), replaced("polyformer-costs", "cookies"),
          replaced("\"version\": 1", "\"version\": 2"), replaced("\"ntt\": ", "\"ntt\": -"),
          replaced("\"ntt\": ", "\"ntt\": \"x\", \"was\": "), replaced("\"ntt\": ", "\"ntt\": 1e999, \"was\": "),
          replaced("\"threads\": ", "\"threads\": 0, \"were\": "), replaced("\"key_word\"", "\"word_key\""),
          replaced(own_costs().machine.processor, "a\\u001b[2J"), std::string(std::size_t{1} << 17, ' ') + good}) {
        write_file(file, bad);
        EXPECT_THAT(notes_on_cache(), testing::ElementsAre(HasSubstr("anew"))) << bad.substr(0, 200);
        EXPECT_THROW(load_costs(file), Error) << bad.substr(0, 200);
    }
    std::filesystem::remove(file);
    std::filesystem::create_directory(file);
    EXPECT_THAT(notes_on_cache(), testing::ElementsAre(HasSubstr("no regular file")));
}

TEST_F(CostFiles, NoHomeIsNoCache) {
    const char* const home = std::getenv("HOME");
    const std::string before = home == nullptr ? "" : home;
    for (const char* const relative : {"", "cache"}) {
        setenv("XDG_CACHE_HOME", relative, 1);
        setenv("HOME", "/somewhere", 1);
        EXPECT_EQ(cache_file()->parent_path(), "/somewhere/.cache/polyformer");
        setenv("HOME", relative, 1);
        EXPECT_FALSE(cache_file());
        EXPECT_FALSE(kept_costs({}));
    }
    if (home == nullptr) {
        unsetenv("HOME");
    } else {
        setenv("HOME", before.c_str(), 1);
    }
}

TEST_F(CostFiles, AMissingFileIsNamed) {
    EXPECT_THAT([] { choose_costs("/no/such/costs.json", {}); },
                ThrowsMessage<IoError>(HasSubstr("/no/such/costs.json")));
}

}  // namespace
}  // namespace polyformer::calibration
