#include "polyformer/support/system/progress.h"

#include <gtest/gtest.h>

namespace polyformer {
namespace {

TEST(Progress, LinesAreCutToTheTerminal) {
    EXPECT_EQ(cut_to_columns("loading keys", 20), "loading keys");
    EXPECT_EQ(cut_to_columns("loading keys", 7), "loading");
    EXPECT_EQ(cut_to_columns("\xC3\xA4\xC3\xB6\xC3\xBC", 2), "\xC3\xA4\xC3\xB6");  // letters stay whole
    EXPECT_EQ(cut_to_columns("\xE4\xB8\x80\xE4\xB8\x81\xE4\xB8\x83", 5), "\xE4\xB8\x80\xE4\xB8\x81");  // wide ones
    EXPECT_EQ(cut_to_columns("", 5), "");
}

TEST(Progress, LinesMoveNoCursor) {
    EXPECT_EQ(cut_to_columns("a\nb\033[2Jc\r", 20), "a?b?[2Jc?");
}

}  // namespace
}  // namespace polyformer
