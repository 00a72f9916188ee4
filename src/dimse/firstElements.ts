/**
 * The elements of the first groups that rules on stored images name by keyword (PS3.6 Table 6-1), with their value
 * representation. Others have a tag only. Nothing behind group 0028 is here: pixel data is never waited for.
 */
import { tagText } from './dataSetStart';

/** One line each, with + where the standard has more than one value; a test compares them with the dictionary of dcmjs. */
const TABLE = `
0008,0005 CS SpecificCharacterSet +
0008,0008 CS ImageType +
0008,0012 DA InstanceCreationDate
0008,0014 UI InstanceCreatorUID
0008,0016 UI SOPClassUID
0008,0018 UI SOPInstanceUID
0008,0020 DA StudyDate
0008,0021 DA SeriesDate
0008,0022 DA AcquisitionDate
0008,0023 DA ContentDate
0008,0030 TM StudyTime
0008,0031 TM SeriesTime
0008,0050 SH AccessionNumber
0008,0054 AE RetrieveAETitle +
0008,0055 AE StationAETitle
0008,0060 CS Modality
0008,0064 CS ConversionType
0008,0068 CS PresentationIntentType
0008,0070 LO Manufacturer
0008,0080 LO InstitutionName
0008,0081 ST InstitutionAddress
0008,0090 PN ReferringPhysicianName
0008,1010 SH StationName
0008,1030 LO StudyDescription
0008,103E LO SeriesDescription
0008,1040 LO InstitutionalDepartmentName
0008,1050 PN PerformingPhysicianName +
0008,1060 PN NameOfPhysiciansReadingStudy +
0008,1070 PN OperatorsName +
0008,1090 LO ManufacturerModelName
0008,2111 ST DerivationDescription
0008,9205 CS PixelPresentation
0008,9206 CS VolumetricProperties
0008,9207 CS VolumeBasedCalculationTechnique
0008,9208 CS ComplexImageComponent
0008,9209 CS AcquisitionContrast
0010,0010 PN PatientName
0010,0020 LO PatientID
0010,0021 LO IssuerOfPatientID
0010,0022 CS TypeOfPatientID
0010,0030 DA PatientBirthDate
0010,0040 CS PatientSex
0010,0200 CS QualityControlSubject
0010,1000 LO OtherPatientIDs +
0010,1010 AS PatientAge
0010,1020 DS PatientSize
0010,1030 DS PatientWeight
0010,2160 SH EthnicGroup
0010,2201 LO PatientSpeciesDescription
0010,2203 CS PatientSexNeutered
0010,2292 LO PatientBreedDescription
0010,2297 PN ResponsiblePerson
0010,2299 LO ResponsibleOrganization
0010,4000 LT PatientComments
0012,0010 LO ClinicalTrialSponsorName
0012,0020 LO ClinicalTrialProtocolID
0012,0021 LO ClinicalTrialProtocolName
0012,0030 LO ClinicalTrialSiteID
0012,0040 LO ClinicalTrialSubjectID
0012,0062 CS PatientIdentityRemoved
0012,0063 LO DeidentificationMethod +
0018,0010 LO ContrastBolusAgent
0018,0015 CS BodyPartExamined
0018,0020 CS ScanningSequence +
0018,0021 CS SequenceVariant +
0018,0022 CS ScanOptions +
0018,0023 CS MRAcquisitionType
0018,0024 SH SequenceName
0018,0050 DS SliceThickness
0018,0060 DS KVP
0018,0080 DS RepetitionTime
0018,0081 DS EchoTime
0018,0087 DS MagneticFieldStrength
0018,1000 LO DeviceSerialNumber
0018,1002 UI DeviceUID
0018,1003 LO DeviceID
0018,1004 LO PlateID
0018,1010 LO SecondaryCaptureDeviceID
0018,1016 LO SecondaryCaptureDeviceManufacturer
0018,1018 LO SecondaryCaptureDeviceManufacturerModelName
0018,1020 LO SoftwareVersions +
0018,1030 LO ProtocolName
0018,1155 CS RadiationSetting
0018,1166 CS Grid +
0018,1200 DA DateOfLastCalibration +
0018,1210 SH ConvolutionKernel +
0018,1250 SH ReceiveCoilName
0018,1402 CS CassetteOrientation
0018,1411 DS ExposureIndex
0018,5100 CS PatientPosition
0018,5101 CS ViewPosition
0018,9423 LO AcquisitionProtocolName
0020,000D UI StudyInstanceUID
0020,000E UI SeriesInstanceUID
0020,0010 SH StudyID
0020,0011 IS SeriesNumber
0020,0012 IS AcquisitionNumber
0020,0013 IS InstanceNumber
0020,0020 CS PatientOrientation +
0020,0052 UI FrameOfReferenceUID
0020,0060 CS Laterality
0020,0062 CS ImageLaterality
0020,1002 IS ImagesInAcquisition
0020,4000 LT ImageComments
0028,0002 US SamplesPerPixel
0028,0004 CS PhotometricInterpretation
0028,0006 US PlanarConfiguration
0028,0008 IS NumberOfFrames
0028,0010 US Rows
0028,0011 US Columns
0028,0100 US BitsAllocated
0028,0101 US BitsStored
0028,0102 US HighBit
0028,0103 US PixelRepresentation
0028,0300 CS QualityControlImage
0028,0301 CS BurnedInAnnotation
0028,0302 CS RecognizableVisualFeatures
0028,1040 CS PixelIntensityRelationship
0028,1054 LO RescaleType
0028,1350 CS PartialView
0028,2110 CS LossyImageCompression
0028,2114 CS LossyImageCompressionMethod +
`;

export const MIN_GROUP = 0x0008;
export const MAX_GROUP = 0x0028;

/** An element that can be looked at before a message goes on. */
export interface FirstElement {
  /** (group << 16) + element. */
  readonly tag: number;
  /** Undefined where only the tag is known: it is read as text. */
  readonly representation: string | undefined;
  /** False where the standard has one value at most. */
  readonly mayHaveMore: boolean;
  /** `Modality (0008,0060)`, or the tag alone. */
  readonly name: string;
}

const elementByKeyword = new Map<string, FirstElement>();
const elementByTag = new Map<number, FirstElement>();
for (const line of TABLE.trim().split('\n')) {
  const [tagOfLine = '', representation = '', keyword = '', more] = line.split(' ');
  const tag = tagOf(tagOfLine) ?? 0;
  const mayHaveMore = more === '+';
  const element = { tag, representation, mayHaveMore, name: `${keyword} ${tagText(tag)}` };
  elementByKeyword.set(keyword, element);
  elementByTag.set(tag, element);
}

export const firstKeywords: readonly string[] = [...elementByKeyword.keys()];

/** By its keyword, or by `gggg,eeee`. Undefined where it is neither, or not of these groups. */
export function firstElement(text: string): FirstElement | undefined {
  const tag = tagOf(text);
  if (tag === undefined) return elementByKeyword.get(text);
  const group = tag >>> 16;
  if (group < MIN_GROUP || group > MAX_GROUP) return undefined;
  return elementByTag.get(tag) ?? { tag, representation: undefined, mayHaveMore: true, name: tagText(tag) };
}

function tagOf(text: string): number | undefined {
  const [, group, element] = /^([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})$/.exec(text) ?? [];
  if (group === undefined || element === undefined) return undefined;
  return Number.parseInt(group, 16) * 0x10000 + Number.parseInt(element, 16);
}
