#include "killpoint.h"

_Thread_local long kill_countdown;
_Thread_local long kill_passages;
