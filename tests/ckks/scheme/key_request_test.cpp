#include "polyformer/ckks/scheme/key_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/support/error.h"

namespace polyformer::ckks {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

const Parameters& parameters() {
    static const Parameters kParameters = Parameters::create(presets::insecure_bootstrapping(1024));
    return kParameters;
}

TEST(KeyRequest, ListsItsKeysInTheOrderOfFiles) {
    KeyRequest request;
    EXPECT_THAT(request.keys(parameters()), IsEmpty());
    request.add_rotation(parameters(), -1, 2);
    request.add_rotation(parameters(), 3, 1);
    request.add_relinearisation(parameters(), 4);
    request.bootstrapping = true;
    request.add_rotation(parameters(), KeyRole::sparse_to_dense, -2, 0);
    request.add_rotation(parameters(), KeyRole::low_rotation, 7, 0);
    request.add_rotation(parameters(), KeyRole::low_rotation, 512, 0);  // all the way round
    EXPECT_EQ(request.rotations(), 4U);
    std::vector<KeyId> ids;
    for (const KeyShape& key : request.keys(parameters())) ids.push_back(key.id);
    EXPECT_THAT(
        ids, ElementsAre(KeyId{KeyRole::relinearisation}, KeyId{KeyRole::dense_to_sparse},
                         KeyId{KeyRole::sparse_to_dense}, KeyId{KeyRole::sparse_to_dense, 510},
                         KeyId{KeyRole::rotation, 3}, KeyId{KeyRole::rotation, 511}, KeyId{KeyRole::low_rotation, 7}));
    const KeyShape sparse = request.keys(parameters())[1];
    EXPECT_EQ(sparse.level, 0);
    EXPECT_EQ(sparse.special, 1);
    EXPECT_EQ(sparse.digits(), 1);
    EXPECT_EQ(request.keys(parameters())[2].level, parameters().max_level());
}

// Under the sparse secret nothing may be published beyond q_0 · p_0 (ePrint 2022/024): its security rests on that.
TEST(KeyRequest, AsksForTheKeyToTheSparseSecretAtItsSmallModulusOnly) {
    for (const ParametersLiteral& literal : {presets::bootstrapping_65536(), presets::insecure_bootstrapping(1024)}) {
        const Parameters parameters = Parameters::create(literal);
        KeyRequest request;
        request.bootstrapping = true;
        for (int level = 0; level <= parameters.max_level(); ++level) {
            request.add_relinearisation(parameters, level);
            request.add_conjugation(parameters, level);
            request.add_rotation(parameters, level + 1, level);
        }
        int found = 0;
        for (const KeyShape& key : request.keys(parameters)) {
            if (key.id.role != KeyRole::dense_to_sparse) continue;
            ++found;
            EXPECT_EQ(key.level, 0);
            EXPECT_EQ(key.special, 1);
            EXPECT_EQ(key.digit_limbs, 1);
            EXPECT_LE(parameters.q(0).modulus().bits() + parameters.p(0).modulus().bits(), 100);
        }
        EXPECT_EQ(found, 1);
    }
}

TEST(KeyRequest, RefusesBootstrappingWithoutItsLevels) {
    ParametersLiteral literal = presets::insecure_bootstrapping(1024);
    literal.bootstrapping.reset();
    KeyRequest request;
    request.bootstrapping = true;
    EXPECT_THAT([&] { request.keys(Parameters::create(literal)); },
                ThrowsMessage<Error>(HasSubstr("no bootstrapping levels")));
    request.bootstrapping = false;
    request.low_steps = {1};
    EXPECT_THAT([&] { request.keys(Parameters::create(literal)); },
                ThrowsMessage<Error>(HasSubstr("no bootstrapping levels")));
    request.low_steps.clear();
    request.raised_steps = {1};
    EXPECT_THAT([&] { request.keys(parameters()); }, ThrowsMessage<Error>(HasSubstr("ask for both")));
}

TEST(KeyShape, IsWhatTheRoleSays) {
    const int k = parameters().special_count();
    ASSERT_GT(k, 1);
    for (const KeyRole role : {KeyRole::relinearisation, KeyRole::conjugation, KeyRole::rotation}) {
        EXPECT_EQ(key_shape(parameters(), {role}, 3), (KeyShape{{role}, 3, k, k}));
    }
    const KeyId dense_to_sparse{KeyRole::dense_to_sparse};
    EXPECT_EQ(key_shape(parameters(), dense_to_sparse, 3), (KeyShape{dense_to_sparse, 0, 1, 1}));
    const KeyId sparse_to_dense{KeyRole::sparse_to_dense};
    // One digit, since what it multiplies is below q_0.
    const int top = parameters().max_level();
    EXPECT_EQ(key_shape(parameters(), sparse_to_dense, 0), (KeyShape{sparse_to_dense, top, 2, top + 1}));
    EXPECT_EQ(key_shape(parameters(), sparse_to_dense, 0).digits(), 1);
    // As many special primes as a ciphertext has limbs where bootstrapping begins.
    const int low = parameters().bootstrapping_input_level();
    const KeyId low_rotation{KeyRole::low_rotation, 5};
    EXPECT_EQ(key_shape(parameters(), low_rotation, top), (KeyShape{low_rotation, low, low + 1, low + 1}));
}

TEST(KeyDifferences, NamesWhatIsMissingAtAnotherLevelOrNotAskedFor) {
    KeyRequest wanted;
    EXPECT_THAT(key_differences(parameters(), wanted, {}), IsEmpty());
    wanted.add_relinearisation(parameters(), 3);
    wanted.add_conjugation(parameters(), 2);
    wanted.add_rotation(parameters(), 5, 9);
    std::vector<KeyShape> held = wanted.keys(parameters());
    EXPECT_THAT(key_differences(parameters(), wanted, held), IsEmpty());
    held.erase(held.begin() + 1);
    held[0].level = 4;
    held[1].special = 1;
    held.push_back(key_shape(parameters(), {KeyRole::rotation, 6}, 1));
    EXPECT_THAT(key_differences(parameters(), wanted, held),
                ElementsAre("relinearisation is there for level 4 instead of 3", "conjugation at level 2 is missing",
                            AllOf(HasSubstr("rotation by 5 has level 9, 1 special primes"), HasSubstr("instead of")),
                            "rotation by 6 at level 1 is not asked for"));
    EXPECT_EQ(list_of(std::vector<std::string>(9, "x")), "x, x, x, x, x, x, x, x, …");
}

TEST(EvaluationKeys, AreFoundByRoleAndStep) {
    EvaluationKeys held;
    held.emplace({KeyRole::relinearisation}).level = 3;
    held.emplace({KeyRole::rotation, 5}).level = 4;
    EXPECT_EQ(held.all().size(), 2U);
    EXPECT_EQ(held.find({KeyRole::rotation, 5})->level, 4);
    EXPECT_EQ(held.find({KeyRole::rotation, 7}), nullptr);
    EXPECT_EQ(held.find({KeyRole::conjugation}), nullptr);
    EXPECT_EQ(held.shapes().at(1).level, 4);
}

}  // namespace
}  // namespace polyformer::ckks
