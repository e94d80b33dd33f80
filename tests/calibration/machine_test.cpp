#include "polyformer/calibration/machine.h"

#include <gtest/gtest.h>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/system/processor.h"

namespace polyformer::calibration {
namespace {

TEST(Machine, IsThisOne) {
    EXPECT_EQ(this_machine().kernels, ckks::kernels().name);
    EXPECT_EQ(this_machine().processor, processor_name());
}

}  // namespace
}  // namespace polyformer::calibration
