// The program map: autosquash-map KEY. All of it is in Automount.
//
// No closures here: they would belong to the main actor and bring the whole runtime of tasks into
// a program that has to start in less than a millisecond.

import Automount
import Glibc

exit(MapProgram.main())
