// The program map: autosquash-map KEY. All of it is in Automount.
//
// No closures here: they would belong to the main actor and pull the whole task runtime into a
// program that must start in less than a millisecond.

import Automount
import Glibc

exit(MapProgram.main())
