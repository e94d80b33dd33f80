// What the tests of downloads share: a folder of the test's own, a server, and the matchers that they all use.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"
#include "tests/train/download/local_server.h"
#include "tests/train/scratch.h"

namespace polyformer::train {

namespace fs = std::filesystem;
using test::LocalServer;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::ThrowsMessage;

/// A test with an empty folder, gone at its end.
class FolderTest : public testing::Test {
  protected:
    const fs::path& root() const { return scratch_.path(); }

  private:
    ScratchFolder scratch_{testing::UnitTest::GetInstance()->current_test_info()->name()};
};

}  // namespace polyformer::train
