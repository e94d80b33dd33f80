#include "polyformer/ckks/scheme/key_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/support/error.h"

namespace polyformer::ckks {
namespace {

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
    std::vector<KeyId> ids;
    for (const KeyShape& key : request.keys(parameters())) ids.push_back(key.id);
    EXPECT_THAT(
        ids, ElementsAre(KeyId{KeyRole::relinearisation}, KeyId{KeyRole::dense_to_sparse},
                         KeyId{KeyRole::sparse_to_dense}, KeyId{KeyRole::rotation, 3}, KeyId{KeyRole::rotation, 511}));
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
}

TEST(MissingKeys, NamesWhatIsNotThereOrTooLow) {
    KeyRequest wanted;
    EvaluationKeys held;
    EXPECT_THAT(missing_keys(parameters(), wanted, held), IsEmpty());
    wanted.add_relinearisation(parameters(), 3);
    wanted.add_conjugation(parameters(), 2);
    wanted.add_rotation(parameters(), 5, 9);
    wanted.bootstrapping = true;
    held.emplace({KeyRole::relinearisation}).level = 3;
    held.emplace({KeyRole::rotation, 5}).level = 4;
    held.emplace({KeyRole::rotation, 6}).level = 4;  // one more than wanted does no harm
    held.emplace({KeyRole::sparse_to_dense}).level = 1;
    EXPECT_THAT(
        missing_keys(parameters(), wanted, held),
        ElementsAre("conjugation at level 2", "dense-to-sparse encapsulation at level 0",
                    HasSubstr("(there is one for level 1)"), "rotation by 5 at level 9 (there is one for level 4)"));
    EXPECT_EQ(held.all().size(), 4U);
    EXPECT_EQ(held.find({KeyRole::rotation, 7}), nullptr);
}

}  // namespace
}  // namespace polyformer::ckks
